#!/bin/sh
# Gives the database's owner the current password, before the server starts; an empty volume is left to the image.
set -eu
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  echo "a new database: the image makes it with the current password"
  exit 0
fi
printf "ALTER ROLE \"%s\" PASSWORD '%s'\n" "$POSTGRES_USER" "$POSTGRES_PASSWORD" |
  postgres --single -D "$PGDATA" "$POSTGRES_DB" >/dev/null
echo "the password of $POSTGRES_USER is up to date"
