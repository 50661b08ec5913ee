# Sourced: takes the password out of DATABASE_URL into PGPASSWORD, so that no command line shows it. Sets URL.
# PGPASSWORD is the plain password, the URL's may be percent-encoded.
URL=${DATABASE_URL/#postgresql+*:\/\//postgresql://}
if [[ $URL =~ ^([a-z]+://[^:/@]*):([^@/]*)@(.*)$ ]]; then
  URL="${BASH_REMATCH[1]}@${BASH_REMATCH[3]}"
  password=${BASH_REMATCH[2]//\\/\\\\}
  printf -v PGPASSWORD '%b' "${password//%/\\x}"
  export PGPASSWORD
fi
unset DATABASE_URL
