#!/bin/sh
# peer-key: the key's file, its id by other programs, passwords, and calls that are refused.
. "$(dirname "$0")/harness.sh"
umask 022

# field NAME: of the facts of the last run
field() { printf '%s\n' "$out" | sed -n "s/^$1: //p"; }

run peer-key
expect "a key" 0 "peer-id: " "secret-key: peer.key"
id=$(field peer-id)
same "its file is its owner's alone" 600 "$(stat -c %a peer.key)"
if need "the id is the base32 of the public half" python3; then
    same "the id is the base32 of the public half" "$id" "$(sed -n 2p peer.key | python3 -c '
import base64, sys
stored = base64.b64decode(sys.stdin.read())
print(base64.b32encode(stored[94:126]).decode().rstrip("=").lower())')" # the seed ends where the public half begins
fi
run peer-key --show
expect "--show prints the same id" 0 "peer-id: $id"
same "and writes nothing" peer.key "$(ls)"
run peer-key --show --json peer.key
same "--json has the same facts" "{\"peer-id\":\"$id\",\"secret-key\":\"peer.key\"}" "$out"
if need "key-make reads the file" minisign; then
    run key-make -q --public-of peer.key -o .
    expect "key-make reads the file" 0 "public-key: peer.pub"
    echo text >text
    run minisign -S -s peer.key -m text -x text.minisig
    expect "minisign reads the file" 0
fi

before=$(cat peer.key)
run peer-key
expect "a key is not replaced" 3 "[io-exists]"
same "it is what it was" "$before" "$(cat peer.key)"
run peer-key --force
expect "--force replaces it" 0 "peer-id: "
if [ "$(field peer-id)" = "$id" ]; then not_ok "with another key"; else ok "with another key"; fi
(umask 0 && peer-key open.key >/dev/null)
same "a wide umask does not widen it" 600 "$(stat -c %a open.key)"
run peer-key nowhere/peer.key
expect "a folder that is not there" 3 "nowhere"
chmod 644 open.key
run peer-key --show open.key
expect "a key that others can read is refused" 1 "[key-mode]"
chmod 600 open.key
sed '2s/^......../AAAAAAAA/' open.key >bad.key && chmod 600 bad.key
run peer-key --show bad.key
expect "a damaged key is refused" 1 "[key-form]"
run peer-key --show absent.key
expect "a key that is not there" 3 "[io-open]"
ln -s open.key link.key
before=$(cat open.key)
peer-key --force link.key >/dev/null 2>&1
same "nothing is written through a link" "$before" "$(cat open.key)"
run peer-key /dev/full
expect "a device is no key" 3

printf '\n' >empty && chmod 600 empty
run peer-key --password --password-file empty closed.key
expect "an empty password is refused" 1 "[key-password]"
same "and nothing is written" absent "$([ -e closed.key ] && echo there || echo absent)"

for wrong in '--show --force' '--show --password' '--password-fd 0' '--password-file empty' 'a b' '-'; do
    # shellcheck disable=SC2086 # several words
    run peer-key $wrong
    expect "peer-key $wrong is a wrong call" 2 usage
done
