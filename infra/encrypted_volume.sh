#!/bin/sh
# An encrypted volume for everything the product writes, where the disk itself is not encrypted (LUKS and fscrypt are better:
# `make status` recognises them, too). gocryptfs: AES-256-GCM over files, the passphrase never on this disk.
#   infra/encrypted_volume.sh create FOLDER   makes FOLDER.sealed; asks for a passphrase, prints the master key once
#   infra/encrypted_volume.sh open FOLDER     shows it in clear at FOLDER, for `make up`
#   infra/encrypted_volume.sh close FOLDER    after `make down`
# Not asked where WELLHOUSE_VOLUME_PASSPHRASE names a program that prints the passphrase, e.g.
# "systemd-creds cat volume" or "vault kv get -field=volume secret/wellhouse".
set -eu
die() { echo "encrypted volume: $*" >&2; exit 1; }
[ $# -eq 2 ] || die "usage: infra/encrypted_volume.sh create|open|close FOLDER"
folder=$(readlink -m "$2")
sealed=$folder.sealed
command -v gocryptfs >/dev/null || die "gocryptfs is not installed: apt-get install gocryptfs"
run() { # run ARGUMENTS…: gocryptfs, with the passphrase's program before them
    if [ -n "${WELLHOUSE_VOLUME_PASSPHRASE:-}" ]; then gocryptfs -extpass "$WELLHOUSE_VOLUME_PASSPHRASE" "$@"; else gocryptfs "$@"; fi
}
case $1 in
create)
    [ ! -e "$sealed" ] || die "$sealed is there already"
    mkdir -m 0700 "$sealed"
    run -init "$sealed" || { rmdir "$sealed"; exit 1; }
    ;;
open)
    [ -e "$sealed/gocryptfs.conf" ] || die "there is no $sealed: create it first"
    ! mountpoint -q "$folder" || die "$folder is open already"
    mkdir -p "$folder"
    [ -z "$(ls -A "$folder")" ] || die "$folder is not empty: what is in it would be hidden, and is not encrypted"
    if [ "$(id -u)" -eq 0 ]; then
        run -q -allow_other "$sealed" "$folder"
        chmod 0711 "$folder" # the server's own user passes through
    else
        run -q "$sealed" "$folder"
    fi
    ;;
close)
    mountpoint -q "$folder" || die "$folder is not open"
    fusermount3 -u "$folder" 2>/dev/null || fusermount -u "$folder" || die "$folder is in use: make down"
    ;;
*) die "usage: infra/encrypted_volume.sh create|open|close FOLDER" ;;
esac
