ENV PYTHONPATH=/opt/stand-ins:/opt/stand-ins/hearth/rehearsal/docker/stand_ins/hub
RUN printf '#!/bin/sh\nexec python -m hearth.rehearsal.docker.stand_ins.server "$@"\n' >/usr/bin/vllm && chmod 755 /usr/bin/vllm
ENTRYPOINT ["vllm", "serve"]
