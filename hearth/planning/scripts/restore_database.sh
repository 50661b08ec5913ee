#!/bin/bash
# Puts $BACKUP_WORK/database in the place of the whole database, in one transaction: it succeeds, or changes nothing.
set -euo pipefail
. "${BASH_SOURCE%/*}/database_url.sh"
copy=$BACKUP_WORK/database
# Extensions belong to the server's administrator: one that is there stays, as its owner may be another role.
pg_restore --list "$copy" | grep -Ev ' (EXTENSION|SCHEMA) ' >"$BACKUP_WORK/contents"
made_if_absent() { pg_restore --list "$copy" | sed -n "s/^[^;].* $1 - \([^ ]*\) .*/\1/p"; }
statements() {
  echo "BEGIN;"
  echo "SET LOCAL lock_timeout = '60s'; SET LOCAL client_min_messages = warning;"
  # Tables that came after the backup have to go as well: a migration would fail to make them again.
  cat "${BASH_SOURCE%/*}/empty_database.sql"
  for schema in $(made_if_absent SCHEMA); do
    # Not with IF NOT EXISTS, for which a role needs the right to make one even where it is there.
    echo "SELECT 'CREATE SCHEMA $schema' WHERE to_regnamespace('$schema') IS NULL \\gexec"
  done
  for extension in $(made_if_absent EXTENSION); do echo "CREATE EXTENSION IF NOT EXISTS \"$extension\";"; done
  # Without the last line psql ends with nothing changed.
  pg_restore --no-owner --no-privileges --use-list="$BACKUP_WORK/contents" --file=- "$copy" && echo "COMMIT;"
}
echo "replacing the database"
statements | psql --no-psqlrc --quiet --output=/dev/null --set=ON_ERROR_STOP=1 --dbname="$URL"
echo "replaced"
