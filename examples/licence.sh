#!/usr/bin/env bash
# Refuse everybody, license one: from the actor's recording to the lab's report, without a network.
# Run it from the repository: examples/licence.sh [FOLDER]; needs the extras `rights` and `scan`.
set -euo pipefail

sottovoce=${SOTTOVOCE:-sottovoce}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=$(realpath -m "${1:-licence-output}")
[ ! -e "$out" ] || { echo "$out exists already: name another folder" >&2; exit 2; }
mkdir -p "$out"/{actor,mail,lab}

# Each has a computer of her own, and so a configuration folder of her own.
actor() { XDG_CONFIG_HOME=$out/actor/config "$sottovoce" "$@"; }
lab() { XDG_CONFIG_HOME=$out/lab/config "$sottovoce" "$@"; }
step() { printf '\n== %s\n' "$1"; }

step "The lab has a key, and sends its thumbprint with the contract"
lab id new --name acme
lab_key=$(lab grant key --name acme --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["thumbprint"])')

step "The actor makes an identity for this lab alone, and says what it refuses"
actor id new --name acme-2026
actor statement new --name acme-2026 --without-words
actor_key=$(actor grant key --name acme-2026 --json | python3 -c 'import json, sys; print(json.load(sys.stdin)["thumbprint"])')

step "She marks what she delivers with it"
actor protect "$here/data/sense_and_sensibility.flac" --owner acme-2026 -o "$out/mail/take-1.flac"

step "She signs a grant for one use and a year, and mails it with the contract"
actor grant new --name acme-2026 --grantee "Acme TTS GmbH" --grantee-key "$lab_key" \
    --uses train-generative -o "$out/mail/acme-2026.grant"

step "Another actor's marked take is in the lab's data, too, and nobody licensed it"
XDG_CONFIG_HOME=$out/other "$sottovoce" protect "$here/data/sense_and_sensibility.flac" \
    -o "$out/lab/other.flac"
mkdir "$out/lab/data"
cp "$out/mail/take-1.flac" "$out/lab/data/"
mv "$out/lab/other.flac" "$out/lab/data/"

step "The lab scans, and leaves out what is marked"
lab scan "$out/lab/data" -o "$out/lab/scan" --exit-zero

step "With the grant, exactly her take is released, for exactly that use"
lab scan report "$out/lab/scan" --grant "$out/mail/acme-2026.grant" --owner-key "$actor_key" \
    --for train-generative --as acme || [ $? -eq 1 ]  # 1: the other take is still refused
cut -f 1 "$out/lab/scan/released.txt"
[ "$(cut -f 1 "$out/lab/scan/released.txt")" = "$out/lab/data/take-1.flac" ]
[ "$(cat "$out/lab/scan/exclude.txt")" = "$out/lab/data/other.flac" ]

step "For another use, nothing is"
lab scan report "$out/lab/scan" --grant "$out/mail/acme-2026.grant" --owner-key "$actor_key" \
    --for clone --as acme || [ $? -eq 1 ]
[ ! -s "$out/lab/scan/released.txt" ]
echo "Done: $out/lab/scan/report.html"
