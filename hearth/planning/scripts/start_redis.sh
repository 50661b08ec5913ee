#!/bin/sh
# Starts the data node ("node") or the Sentinel ("sentinel") of one pod of three, with what the others know of the master.
# Both programs rewrite their configuration: that of a Sentinel is its memory and stays with the data.
set -eu
umask 077
config=${CONFIG:-/etc/hearth}
data=${DATA:-/data}
scratch=${SCRATCH:-/tmp}

first=${NODES%% *}
for node in $NODES; do
  case $node in "$HOSTNAME" | "$HOSTNAME".*) self=$node ;; esac
done

# How many Sentinels name which master, the most named first: "2 redis-1.redis".
opinions() {
  for node in $NODES; do
    timeout 2 "$ENGINE-cli" -h "$node" -p "$SENTINEL_PORT" sentinel get-master-addr-by-name "$MASTER" 2>/dev/null |
      head -n 1 | grep -xF "$(printf '%s\n' $NODES)" || true
  done | sort | uniq -c | sort -rn
}

start_node() {
  for _ in $(seq "${PATIENCE:-30}"); do
    set -- $(opinions)
    [ "${1:-0}" -lt "$QUORUM" ] || break
    sleep 1
  done
  master=${2:-$first}
  echo "${1:-0} Sentinels name $master as the master; this is $self"
  {
    echo "include $config/server.conf"
    echo "requirepass $REDISCLI_AUTH"
    echo "masterauth $REDISCLI_AUTH"
    echo "replica-announce-ip $self"
    echo "replica-announce-port $PORT"
    [ "$master" = "$self" ] || echo "replicaof $master $PORT"
  } >"$scratch/server.conf"
  exec "$ENGINE-server" "$scratch/server.conf"
}

start_sentinel() {
  state=$data/sentinel.conf
  learned='^sentinel (myid|monitor|config-epoch|leader-epoch|current-epoch|known-replica|known-sentinel) '
  known=$(grep -E "$learned" "$state" 2>/dev/null || true)
  if [ -z "$known" ]; then
    set -- $(opinions)
    known="sentinel monitor $MASTER ${2:-$first} $PORT $QUORUM"
  fi
  {
    cat "$config/sentinel.conf"
    echo "requirepass $REDISCLI_AUTH"
    echo "sentinel sentinel-pass $REDISCLI_AUTH"
    echo "sentinel auth-pass $MASTER $REDISCLI_AUTH"
    echo "sentinel announce-ip $self"
    echo "sentinel announce-port $SENTINEL_PORT"
    echo "$known"
  } >"$state.new"
  mv "$state.new" "$state"
  exec "$ENGINE-server" "$state" --sentinel
}

"start_$1"
