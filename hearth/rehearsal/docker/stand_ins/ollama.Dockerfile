ENV OLLAMA_HOST=0.0.0.0:11434
RUN printf '#!/bin/sh\nexec python -m hearth.rehearsal.docker.stand_ins.ollama "$@"\n' >/usr/bin/ollama && chmod 755 /usr/bin/ollama
EXPOSE 11434
ENTRYPOINT ["/bin/ollama"]
CMD ["serve"]
