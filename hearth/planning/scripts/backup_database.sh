#!/bin/bash
# Copies the database with pg_dump to $BACKUP_WORK/database, in the format of pg_restore.
set -euo pipefail
. "${BASH_SOURCE%/*}/database_url.sh"
server=$(psql --no-psqlrc --tuples-only --no-align --dbname="$URL" --command='SHOW server_version')
tools=$(pg_dump --version)
tools=${tools##*) }
if ((${server%%.*} > ${tools%%[.\ ]*})); then
  echo "error: the server is Postgres $server, pg_dump ${tools%% *}: set hearth:backup.toolsImage to an image of Postgres ${server%%.*}"
  exit 1
fi
echo "copying the database, Postgres $server"
# A table that another session has locked for good must not hold the backup up for ever.
pg_dump --format=custom --no-owner --no-privileges --lock-wait-timeout=600s \
  --dbname="$URL" --file="$BACKUP_WORK/database.part"
mv "$BACKUP_WORK/database.part" "$BACKUP_WORK/database"
echo "copied"
