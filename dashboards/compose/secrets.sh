#!/bin/sh
# Makes this stack's own secrets, once: nothing secret stands in the checkout. Started again it changes nothing.
#   /run/driftsum   drift's alone: the store's URL, the admin token
#   /run/database   PostgreSQL's password, which another user reads
set -eu
umask 077
random() { head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
secrets=${SECRETS:-/run/driftsum}
database=${DATABASE:-/run/database}

if [ ! -s "$database/password" ]; then
    random > "$database/password.new"
    chmod 444 "$database/password.new"
    mv "$database/password.new" "$database/password"
fi
if [ ! -s "$secrets/driftsum/token" ]; then
    mkdir -p "$secrets/driftsum"
    printf 'drift_%s' "$(random)" > "$secrets/driftsum/token.new"
    mv "$secrets/driftsum/token.new" "$secrets/driftsum/token"
fi
printf 'postgresql://drift:%s@postgres:5432/drift' "$(cat "$database/password")" > "$secrets/store.new"
mv "$secrets/store.new" "$secrets/store"
