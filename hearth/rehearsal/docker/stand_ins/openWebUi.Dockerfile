ENV PORT=8080 DATA_DIR=/app/backend/data
RUN mkdir -p /app/backend/data && ln -s /opt/stand-ins/hearth/rehearsal/docker/stand_ins/web_ui/open_webui \
    /opt/stand-ins/hearth/rehearsal/docker/stand_ins/web_ui/uvicorn.py /app/backend/
WORKDIR /app/backend
EXPOSE 8080
CMD ["python", "-m", "uvicorn", "--port", "8080"]
