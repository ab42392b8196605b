#!/bin/sh
# Bundles of OpenSSF model signing: what is signed here and by the reference program verifies there and here; what is wrong with a
# bundle, a key or a folder is found (docs/formats/oms.md).
. "$(dirname "$0")/harness.sh"
need oms python3 || exit 0
need oms openssl || exit 0
OMS=$ROOT/tests/cmd/oms.py

# key NAME CURVE: a private key NAME.key, its public half NAME.pub
key() {
    (umask 077 && openssl genpkey -algorithm EC -pkeyopt "ec_paramgen_curve:$2" -out "$1.key") 2>/dev/null
    openssl pkey -in "$1.key" -pubout -out "$1.pub"
}
key p256 P-256
key p384 P-384
key p521 P-521
key other P-256

# fresh: the folder model, ten files of which some are beneath others, one is empty and one is git's
fresh() {
    rm -rf model && mkdir -p model/a/b model/a-b model/.git || exit 1
    for i in 1 2 3 4; do
        echo "file $i" >model/f$i
        echo "file a/$i" >model/a/$i
    done
    head -c 3500 "$MODEL" >model/a/b/big
    echo 'between' >model/a-b/z
    : >model/empty
    echo 'no part of the model' >model/.git/HEAD
}
fresh

# ---- ours by ours, and by openssl and python ----

for curve in p256 p384 p521; do
    run manifest-sign --oms $curve.sig --key $curve.key model
    expect "a folder is signed with $curve" 0 'files: 11' "signer-key: $(sha256sum <$curve.pub | cut -d' ' -f1)"
    run slm-verify --oms $curve.sig --key $curve.pub model
    expect "what was signed with $curve verifies" 0 'verdict: pass' 'file: pass a/b/big' 'ignored: 1'
    run python3 "$OMS" check $curve.pub model $curve.sig
    expect "python and openssl agree about $curve" 0
    run slm-verify --oms $curve.sig --key other.pub model
    expect "$curve: another key is refused" 1 '[oms-key]'
done
run slm-verify --oms p256.sig --key p256.pub model
same 'a good report says nothing on standard error' '' "$err"
cp -r model copy
run slm-verify --oms p256.sig --key p256.pub copy
expect 'what the folder is called plays no part' 0 'model: model' 'verdict: pass'
rm -rf copy
run slm-verify --oms - --key p256.pub model <p256.sig
expect 'a bundle comes from standard input too' 0 'verdict: pass'

manifest-sign --oms model/model.sig --key p256.key model >out
run slm-verify --oms model/model.sig --key p256.pub model
expect 'a bundle in the folder is no part of the model' 0 'verdict: pass' 'ignored: 2'
run manifest-sign --oms model/model.sig --key p256.key model
expect 'an existing bundle is not replaced' 3 '[io-exists]'
run manifest-sign --oms model/model.sig --force --key p384.key model
expect 'with --force it is' 0
run python3 "$OMS" check p384.pub model model/model.sig
expect 'a bundle in the folder names itself among what is left out, and no other file' 0
rm model/model.sig
manifest-sign --oms model/a/b/in.sig --key p256.key model >out
run slm-verify --oms model/a/b/in.sig --key p256.pub model
expect 'a bundle in a folder of the model is none either' 0 'verdict: pass' 'ignored: 2'
rm model/a/b/in.sig
cp model/f1 before
run manifest-sign --oms model/f1 --force --key p256.key model
expect '--force replaces bundles alone' 3 'no bundle' '[io-exists]'
same 'the file is what it was' "$(cat before)" "$(cat model/f1)"
run manifest-sign --oms no/where.sig --key p256.key model
expect 'a bundle without a folder is no bundle' 3 'cannot open the folder'
(cd model && manifest-sign --oms ../here.sig --key ../p256.key . >/dev/null)
run slm-verify --oms here.sig --key p256.pub model
expect 'the present folder has a name' 0 'model: model'

run manifest-sign --oms one.sig --key p256.key model/f1
expect 'a single file is signed' 0 'files: 1'
expect 'and it is said who cannot verify that' 0 'note: a model of one file is called by its name here'
run slm-verify --oms one.sig --key p256.pub model/f1
expect 'a single file verifies' 0 'file: pass f1' 'verdict: pass'
run slm-verify --oms one.sig --key p256.pub model
expect 'the folder around it does not' 1 'file: surplus f2'
run manifest-sign --oms less.sig --key p256.key --ignore-path a --ignore-path f4 model
expect 'paths are left out' 0 'files: 5'
run slm-verify --oms less.sig --key p256.pub model
expect 'what is left out is counted' 0 'ignored: 7'
run manifest-sign --oms less.sig --force --key p256.key --ignore-path ./a/ --ignore-path .//f4 model
expect 'however they are typed' 0 'files: 5'
run slm-verify --oms less.sig --key p256.pub --ignore-path ./f1/ model
expect 'and read' 0 'ignored: 7'
run manifest-sign --oms less.sig --force --key p256.key --ignore-path ./ model
expect 'all of it cannot be left out' 2
run manifest-sign --oms less.sig --force --key p256.key --ignore-path ../model model
expect 'a path out of the model is a wrong call' 2

# ---- what a folder does ----

after() {
    run slm-verify --oms p256.sig --key p256.pub model
    expect "$@"
    fresh
}
changed model/a/b/big 3000
after 'a changed byte is found' 1 'file: differs a/b/big' 'verdict: fail' '[oms-file]'
printf x >>model/f1
after 'a longer file is found' 1 'file: differs f1'
rm model/f2
after 'a removed file is found' 1 'file: absent f2' '[oms-file]'
echo x >model/a/new
after 'an added file is found' 1 'file: surplus a/new' '[oms-surplus]'
echo x >model/new
run slm-verify --oms p256.sig --key p256.pub --ignore-unsigned-files model
expect 'an added file may be passed over' 0 'verdict: pass'
run slm-verify --oms p256.sig --key p256.pub --ignore-path new model
expect 'a path may be passed over' 0 'verdict: pass' 'ignored: 2'
rm model/f3
run slm-verify --oms p256.sig --key p256.pub --ignore-unsigned-files --ignore-path f3 model
expect 'a signed file may not' 1 'file: absent f3'
fresh
mkdir -p model/a/.git && echo x >model/a/.git/config
after 'git is ignored at the top alone' 1 'file: surplus a/.git/config'
printf 'x' >"model/$(printf 'e\033[31m\n')"
after 'a name is shown escaped' 1 'file: surplus e\u{1b}[31m'
mv model/f1 f1 && ln -s ../f1 model/f1
after 'a link in the place of a file is refused' 1 'file: differs f1' 'symbolic link'
mv model/a elsewhere && ln -s ../elsewhere model/a
after 'a link in the place of a folder is refused' 1 'file: absent a/1' 'file: surplus a'
rm -rf elsewhere
ln -s f1 model/more
after 'a link more is found' 1 'file: surplus more'
mkfifo model/pipe
after 'a FIFO is found, and not waited for' 1 'file: surplus pipe'
rm model/f1 && mkdir model/f1
after 'a folder in the place of a file is found' 1 'file: absent f1'
rm model/f1 && mkfifo model/f1
after 'a FIFO in the place of a file is found, and not waited for' 1 'file: differs f1'
if [ "$(id -u)" -ne 0 ]; then
    chmod 0 model/f1
    after 'a file that cannot be read is not known' 3 'file: unreadable f1' 'verdict: unknown'
fi
if setpriv --reuid=65534 --regid=65534 --clear-groups "$BIN/slm-verify" --version >/dev/null 2>&1 && chmod 711 "$WORK"; then
    as_nobody() { run setpriv --reuid=65534 --regid=65534 --clear-groups "$@"; }
    chmod 644 p256.pub p256.sig && mkdir -p model/.git/own model/e && chmod 700 model/.git/own
    as_nobody "$BIN/slm-verify" --oms p256.sig --key p256.pub model
    expect 'a folder that cannot be listed plays no part where it is left out' 0 'verdict: pass'
    chmod 700 model/e
    as_nobody "$BIN/slm-verify" --oms p256.sig --key p256.pub model
    expect 'elsewhere it is not known what is in it' 3 'file: pass a/1' 'verdict: unknown' 'cannot read the folder e: Permission denied' '[io-open]'
    for option in --ignore-unsigned-files --ignore-path=e; do
        as_nobody "$BIN/slm-verify" --oms p256.sig --key p256.pub "$option" model
        expect "unless nobody asks: $option" 0 'verdict: pass'
    done
    changed model/a/1 0
    as_nobody "$BIN/slm-verify" --oms p256.sig --key p256.pub model
    expect 'a changed file is found all the same' 1 'file: differs a/1' 'verdict: fail'
    fresh
    chmod 711 model/a/b
    as_nobody "$BIN/slm-verify" --oms p256.sig --key p256.pub --ignore-unsigned-files model
    expect 'a signed file in such a folder is not known' 3 'file: unreadable a/b/big' 'could not be listed'
    rm model/a/2
    as_nobody "$BIN/slm-verify" --oms p256.sig --key p256.pub --ignore-unsigned-files model
    expect 'one that is elsewhere and is not there is absent' 1 'file: absent a/2' 'file: unreadable a/b/big'
    fresh
    cp p256.key nobody.key && chown 65534 nobody.key && chmod 700 model/.git && mkdir written && chmod 777 written
    as_nobody "$BIN/manifest-sign" --oms written/x.sig --key nobody.key model
    expect 'nor does such a folder keep from signing what is beside it' 0 'files: 11'
    mkdir -m 700 model/e
    as_nobody "$BIN/manifest-sign" --oms written/y.sig --key nobody.key model
    expect 'one that is not left out does' 3 'cannot read the folder e'
    same 'and no bundle is written' x.sig "$(ls written)"
    fresh
else
    skip 'a folder that cannot be listed' 'nobody cannot run the commands here'
fi
rm -rf empty && mkdir empty
run slm-verify --oms p256.sig --key p256.pub empty
expect 'an empty folder is not the model' 1 'file: absent f1'
run slm-verify --oms p256.sig --key p256.pub nowhere
expect 'a folder that is not there is not known' 3 '[io-open]'
run manifest-sign --oms no.sig --key p256.key empty
expect 'an empty folder is not signed' 1 '[oms-file]'
mkdir empty/.git && echo x >empty/.git/x
run manifest-sign --oms no.sig --key p256.key empty
expect 'nor is one of ignored files' 1 '[oms-file]'
ln -s f1 model/link
run manifest-sign --oms no.sig --key p256.key model
expect 'a link is not signed' 1 'link: error' '[oms-file]'
rm model/link && printf x >"model/$(printf 'a\\b')" && printf x >"model/$(printf '\377')"
run manifest-sign --oms no.sig --key p256.key model
expect 'names that a bundle cannot hold are not signed' 1 'a\b: error' '\xff: error'
fresh
same 'and nothing was written' '' "$(ls no.sig 2>/dev/null)"

python3 "$OMS" make links-allowed p256.key model links.sig
cp model/f1 f1.out
mv model/f1 model/.git/f1 && ln -s .git/f1 model/f1 && ln -s a/b model/folder
run slm-verify --oms links.sig --key p256.pub model
expect 'where the bundle allows links, they lead to files and folders of the model' 0 'file: pass f1' 'verdict: pass'
mv model/.git/f1 f1.git && rm -r model/.git model/f1 && cp f1.out model/f1
for link in . a; do
    ln -s $link model/again
    run slm-verify --oms links.sig --key p256.pub model
    expect "a link to a folder of signed files is none more: $link" 0 'verdict: pass'
    echo x >model/.gitignore && mkdir model/a/left && echo x >model/a/left/out
    run slm-verify --oms links.sig --key p256.pub --ignore-path a/left model
    expect "but what is left out by its name has another behind it: $link" 1 'file: surplus again' '[oms-surplus]'
    rm -r model/again model/.gitignore model/a/left
done
mkdir model/.git model/.github && echo x >model/.git/x
for link in .git .git/; do
    ln -s $link model/plugins
    run slm-verify --oms links.sig --key p256.pub model
    expect "a link to what is left out is surplus: $link" 1 'file: surplus plugins' '[oms-surplus]'
    rm model/plugins
done
ln -s .github model/plugins
run slm-verify --oms links.sig --key p256.pub model
expect 'one to a folder without files adds nothing' 0 'verdict: pass'
mv links.sig model/a/links.sig && ln -s a model/again
run slm-verify --oms model/a/links.sig --key p256.pub model
expect 'the bundle itself is nothing that is left out' 0 'verdict: pass'
mv model/a/links.sig links.sig && rm model/plugins model/again
rm model/f1 && ln -s ../f1.out model/f1
run slm-verify --oms links.sig --key p256.pub model
expect 'but not out of it' 1 'leads out'
run slm-verify -L --oms links.sig --key p256.pub model
expect 'unless they are to be followed' 0 'file: pass f1'
ln -s ../empty model/out
run slm-verify --oms links.sig --key p256.pub --ignore-path f1 model
expect 'a folder that a link leads to is surplus outside' 1 'file: surplus out'
fresh
for case in one-file-by-name one-file-by-dot; do
    python3 "$OMS" make $case p256.key model one.sig
    run slm-verify --oms one.sig --key p256.pub model/f1
    expect "a model of one file: $case" 0 'file: pass f1'
done

# ---- hostile bundles ----

mkdir hostile && python3 "$OMS" all p256.key model hostile >cases
while IFS='	' read -r case wanted text; do
    run slm-verify --oms "hostile/$case.sig" --key p256.pub model
    expect "bundle: $case" "$wanted" "$text"
    if [ "$wanted" -ne 0 ] && grep -q 'verdict: pass' .out; then not_ok "bundle: $case has no verdict of pass"; fi
done <cases

size=$(wc -c <p256.sig)
at=0 passed=''
while [ $at -lt "$size" ]; do
    python3 "$OMS" flip p256.sig flipped.sig $at
    slm-verify --oms flipped.sig --key p256.pub model >/dev/null 2>&1 && passed="$passed $at"
    at=$((at + 23))
done
same 'no bit of a bundle can be changed' '' "$passed"

printf x >>model/a/b/big
run slm-verify --oms hostile/shards.sig --key p256.pub model
expect 'a file that is longer than its shards' 1 'file: differs a/b/big'
fresh
truncate -s 3000 model/a/b/big
run slm-verify --oms hostile/shards.sig --key p256.pub model
expect 'a file that lacks its last shard' 1 'file: differs a/b/big'
fresh

ln -s empty model/link
run slm-verify --oms hostile/shards-links.sig --key p256.pub model
expect 'a link to an empty file is nothing that shards speak of' 0 'verdict: pass'
ln -sf f1 model/link
run slm-verify --oms hostile/shards-links.sig --key p256.pub model
expect 'one to another file is' 1 'file: surplus link'
fresh

# ---- keys ----

openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa.key 2>/dev/null
openssl genpkey -algorithm ED25519 -out ed.key
key k256 secp256k1
openssl ecparam -name prime256v1 -genkey -param_enc explicit -noout 2>/dev/null | openssl pkey -pubout -out explicit.pub
for name in rsa ed; do openssl pkey -in $name.key -pubout -out $name.pub; done
: >empty.pub
chmod 600 rsa.key ed.key
cp hostile/key-carried.sig old.sig
for name in rsa ed k256 empty explicit; do
    run slm-verify --oms old.sig --key $name.pub model
    expect "a key of the wrong kind is refused: $name" 1 '[oms-key]'
done
for name in rsa ed k256; do
    run manifest-sign --oms no.sig --key $name.key model
    expect "and does not sign: $name" 1 '[oms-key]'
done
run slm-verify --oms old.sig --key p256.key model
expect 'a private key is no public one' 1 '[oms-key]'
run slm-verify --oms old.sig --key old.sig model
expect 'a bundle is no key' 1 '[oms-key]'
for name in other p384 p521; do
    run slm-verify --oms old.sig --key $name.pub model
    expect "the key in an old bundle is not believed, $name is not its signer" 1 '[oms-signature]'
done
run slm-verify --oms old.sig --key nowhere.pub model
expect 'a key that is not there is not known' 3 '[io-open]'
openssl ec -pubin -in p256.pub -conv_form compressed -out compressed.pub 2>/dev/null
run slm-verify --oms p256.sig --key compressed.pub model
expect 'a compressed point is the same key' 0 'verdict: pass'
cp p256.key open.key && chmod 644 open.key
run manifest-sign --oms no.sig --key open.key model
expect 'a private key that others can read is refused' 1 '[key-mode]'
run manifest-sign --oms no.sig --key p256.pub model
expect 'a public key does not sign' 1
openssl pkey -in p256.key -aes-256-cbc -passout pass:geheim -out locked.key && chmod 600 locked.key
echo geheim >password && echo falsch >wrong && chmod 600 password wrong
run manifest-sign --oms locked.sig --key locked.key --password-file password model
expect 'a password from a file opens a key' 0
run manifest-sign --oms locked.sig --force --key locked.key --password-fd 5 model 5<password
expect 'a password from a descriptor opens a key' 0
run slm-verify --oms locked.sig --key p256.pub model
expect 'it is the same key' 0 'verdict: pass'
run manifest-sign --oms no.sig --key locked.key --password-file wrong model
expect 'a wrong password does not' 1 '[key-password]'
: >none && chmod 600 none
run manifest-sign --oms no.sig --key locked.key --password-file none model
expect 'nor does none' 1 'expected a line with a password, found the end' '[key-password]'
same 'which is asked for once' 1 "$(printf '%s\n' "$err" | grep -c 'error:')"
same 'nothing was written' '' "$(ls no.sig 2>/dev/null)"

# ---- calls ----

run slm-verify --oms p256.sig model
expect 'a key or certificates are needed' 2
run slm-verify --oms p256.sig --key - model <p256.pub
expect 'a key comes from standard input too' 0 'verdict: pass'
run slm-verify --oms - --key - model <p256.pub
expect 'but not both' 2
run slm-verify --oms p256.sig --key p256.pub --home x model
expect 'a key has no time, and wants no store' 2
for secret in p256.key mini.key; do
    [ -e mini.key ] || key-make -q --no-password mini >/dev/null
    cp $secret model/a/k
    run manifest-sign --oms no.sig --key p256.key model
    expect "a secret key is not signed: $secret" 1 'a/k: error: expected files to share' '[make-secret-key]'
    run manifest-sign --oms no.sig --key p256.key --ignore-path a/k model
    expect "unless it is left out: $secret" 0 'files: 11'
    rm no.sig model/a/k
done
run slm-verify --oms p256.sig --key p256.pub --certificate p256.pub model
expect 'not both' 2
run slm-verify --oms p256.sig --key p256.pub
expect 'a model is needed' 2
run slm-verify --key p256.pub model
expect '--key belongs to --oms' 2
run slm-verify --oms p256.sig --key p256.pub --policy nowhere model
expect 'a policy does not hold for bundles, and does not seem to' 2
run manifest-sign --oms no.sig model
expect 'a private key is needed' 2
run manifest-sign --oms no.sig --key p256.key --check model
expect '--check does not go with --oms' 2

# ---- certificates ----

mkdir ca && : >ca/index && cat >ca/conf <<'CONF'
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = d
[d]
database = ca/index
new_certs_dir = ca
rand_serial = yes
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
[ca_ext]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
[sign_ext]
basicConstraints = CA:FALSE
keyUsage = critical, digitalSignature
[code_ext]
extendedKeyUsage = codeSigning
[tls_ext]
keyUsage = critical, keyAgreement
extendedKeyUsage = serverAuth
CONF
# certify NAME KEY EXTENSIONS BY [START END] [OPTION]...: NAME.pem for KEY.key, by the certificate of BY, or by itself
certify() {
    name=$1 own=$2 extensions=$3 by=$4 start=${5:-20200101000000Z} end=${6:-20991231000000Z}
    shift 4
    [ $# -ge 2 ] && shift 2
    openssl req -new -config ca/conf -key "$own.key" -subj "/CN=$name" -out ca/request 2>/dev/null
    if [ "$by" = "$name" ]; then set -- "$@" -selfsign -keyfile "$own.key"; else set -- "$@" -cert "$by.pem" -keyfile "$by.key"; fi
    openssl ca -batch -notext -config ca/conf -in ca/request -extensions "$extensions" -startdate "$start" \
        -enddate "$end" -out "$name.pem" "$@" >ca/log 2>&1 || cat ca/log >&2
}
for name in root middle stranger; do key $name P-256; done
certify root root ca_ext root
certify stranger stranger ca_ext stranger
certify middle middle ca_ext root
certify signer p384 sign_ext middle
certify coder p384 code_ext middle
certify server p384 tls_ext middle
certify expired p384 sign_ext middle 20200101000000Z 20210101000000Z
certify later p384 sign_ext middle 20980101000000Z 20991231000000Z
certify rsa rsa sign_ext middle
certify weak p384 sign_ext middle 20200101000000Z 20991231000000Z -md sha1
certify by-signer p256 sign_ext middle
cp p384.key signer.key
certify grandchild p256 sign_ext signer

# certified NAME KEY: signs with the chain of NAME
certified() {
    cat "$1.pem" middle.pem >chain.pem
    manifest-sign --oms "$1.sig" --force --key "$2.key" --certificate chain.pem model >/dev/null
}
for name in signer coder; do
    certified $name p384
    run slm-verify --oms $name.sig --certificate root.pem model
    expect "a chain leads from $name to the root" 0 "signer-certificate: CN=$name" 'verdict: pass'
done
# named SUBJECT: signs with a certificate of that name, by the root
named() {
    openssl req -new -utf8 -key p384.key -subj "$1" -out ca/request 2>/dev/null
    printf 'keyUsage=critical,digitalSignature\n' >ca/extensions
    openssl x509 -req -in ca/request -CA root.pem -CAkey root.key -set_serial 77 -days 2 -extfile ca/extensions -out named.pem 2>/dev/null
    manifest-sign --oms named.sig --force --key p384.key --certificate named.pem model >/dev/null
    run slm-verify --oms named.sig --certificate root.pem "${2:-model}"
}
named '/CN=Müller, Jörg'
expect 'a name is shown in its letters' 0 'signer-certificate: CN=Müller\\, Jörg' 'verdict: pass'
run slm-verify --json --oms named.sig --certificate root.pem model
same 'and is what it is in JSON' 'CN=Müller\, Jörg' "$(printf '%s\n' "$out" | python3 -c 'import json, sys; sys.stdout.buffer.write(json.load(sys.stdin)["signer-certificate"].encode())')"
named "/CN=$(printf 'a\342\200\256b')"
expect 'invisible characters of a name are not' 0 'CN=a\u{202e}b'
long=/CN=last
for i in $(seq 24); do long="$long/OU=$i$(printf 'ö%.0s' $(seq 50))"; done
named "$long"
expect 'a name that is too long ends in dots' 0 'verdict: pass'
same 'a name that is too long ends in dots: dots' 1 "$(grep -c '^signer-certificate: OU=24ö.*ö\.\.\.$' .out)"
run slm-verify --oms signer.sig --certificate stranger.pem model
expect 'another root vouches for nothing' 1 '[oms-certificate]'
run slm-verify --oms signer.sig --certificate middle.pem model
expect 'a certificate in the middle is no root' 1 '[oms-certificate]'
cat stranger.pem root.pem >both.pem
run slm-verify --oms signer.sig --certificate both.pem model
expect 'one of many roots suffices' 0 'verdict: pass'
run slm-verify --oms signer.sig --certificate p384.pub model
expect 'a key is no certificate' 1 '[oms-certificate]'
run slm-verify --oms signer.sig --key p384.pub model
expect 'a bundle with certificates is not one of a key' 1 '[oms-key]'
run slm-verify --oms p384.sig --certificate root.pem model
expect 'and the other way round' 1 '[oms-certificate]'
for name in server expired later weak; do
    certified $name p384
    run slm-verify --oms $name.sig --certificate root.pem model
    expect "a certificate that does not do is refused: $name" 1 '[oms-certificate]'
done
certify brief p384 sign_ext middle 20200101000000Z 20300101000000Z
certified brief p384
MINIMODEL_HOME=$WORK/home
export MINIMODEL_HOME
manifest-make -q -p -o local.manifest "$MODEL"
slm-verify -q local.manifest "$(dirname "$MODEL")" >report
SOURCE_DATE_EPOCH=1890000000 receipt-write report >/dev/null
run slm-verify --oms brief.sig --certificate root.pem model
expect 'a certificate that was good when the newest receipt was written is' 0 'verdict: pass' '[clock-behind]'
SOURCE_DATE_EPOCH=1900000000 receipt-write report >/dev/null
run slm-verify --oms brief.sig --certificate root.pem model
expect 'one that had expired then is not, whatever the clock says' 1 '[clock-behind]' '[oms-certificate]'
run slm-verify --oms brief.sig --certificate root.pem --home nowhere model
expect 'a store that is not there is said' 0 'the store is left aside' 'verdict: pass'
run slm-verify --oms p256.sig --key p256.pub model
same 'a key has no time' '' "$err"
mkdir described && cp "$MODEL" described/model.gguf
manifest-sign --oms described.sig --key p384.key --certificate brief.pem described >/dev/null
cat brief.pem middle.pem >chain.pem && manifest-sign --oms described.sig --force --key p384.key --certificate chain.pem described >/dev/null
run manifest-make -p --attest described.sig --attest-certificate root.pem described
expect 'an attestation by it is none either' 1 '[clock-behind]' '[oms-certificate]'
chmod u+w home/receipts.log && echo noise >>home/receipts.log
run slm-verify --oms signer.sig --certificate root.pem model
expect 'what is wrong with the store is a note' 0 'the store is left aside' 'verdict: pass'
unset MINIMODEL_HOME
run manifest-make -p --attest described.sig --attest-certificate root.pem described
expect 'without the store it is one' 0 'agrees with 1 of 1'
certify past middle ca_ext root 20200101000000Z 20210101000000Z
cp middle.key past.key
certify early p384 sign_ext past 20200601000000Z 20991231000000Z
certify late p384 sign_ext past 20220101000000Z 20991231000000Z
for name in early late; do
    cat $name.pem past.pem >chain.pem
    manifest-sign --oms $name.sig --key p384.key --certificate chain.pem model >/dev/null
done
run slm-verify --oms early.sig --certificate root.pem model
expect 'who vouched may have expired since' 0 'verdict: pass'
run slm-verify --oms late.sig --certificate root.pem model
expect 'but not before' 1 '[oms-certificate]'
cat grandchild.pem signer.pem middle.pem >chain.pem
manifest-sign --oms grandchild.sig --key p256.key --certificate chain.pem model >/dev/null
run slm-verify --oms grandchild.sig --certificate root.pem model
expect 'a certificate that may not vouch does not' 1 '[oms-certificate]'
manifest-sign --oms short.sig --key p384.key --certificate signer.pem model >/dev/null
run slm-verify --oms short.sig --certificate root.pem model
expect 'a chain that lacks its middle leads nowhere' 1 '[oms-certificate]'
run manifest-sign --oms no.sig --key p256.key --certificate signer.pem model
expect 'a certificate is that of the key' 1 '[oms-certificate]'
run manifest-sign --oms no.sig --key p256.key --certificate p256.pub model
expect 'a key is no certificate to sign with' 1 '[oms-certificate]'
certified signer p384
changed model/f1 0
run slm-verify --oms signer.sig --certificate root.pem model
expect 'a changed file is found under certificates too' 1 'file: differs f1'
fresh
python3 - signer.sig rsa.pem signer.pem middle.pem <<'PY'
import base64, json, sys
der = lambda path: ''.join(l for l in open(path).read().split('-----')[2].split())
bundle = json.load(open(sys.argv[1]))
def write(name, *chain):
    bundle['verificationMaterial']['x509CertificateChain']['certificates'] = [{'rawBytes': c} for c in chain]
    json.dump(bundle, open(name, 'w'))
rsa, signer, middle = (der(p) for p in sys.argv[2:])
write('rsa.sig', rsa, middle)
write('order.sig', middle, signer)
write('trailing.sig', base64.b64encode(base64.b64decode(signer) + b'\0').decode(), middle)
write('undated.sig', base64.b64encode(base64.b64decode(signer).replace(b'200101000000Z', b'201301000000Z', 1)).decode(), middle)
write('noise.sig', base64.b64encode(b'noise').decode(), middle)
PY
run slm-verify --oms undated.sig --certificate root.pem model
expect 'a certificate without a real date is told so' 1 'found none' '[oms-certificate]'
for name in rsa order trailing noise; do
    run slm-verify --oms $name.sig --certificate root.pem model
    expect "certificates of the wrong kind are refused: $name" 1 '[oms-certificate]'
done

# ---- the reference program ----

MODEL_SIGNING=${MODEL_SIGNING:-model_signing}
[ -x "$PEERS/model_signing" ] && MODEL_SIGNING=$PEERS/model_signing
if need 'both ways with the reference program' "$MODEL_SIGNING"; then
    theirs() { "$MODEL_SIGNING" "$@" >/dev/null 2>their.err; }
    # both NAME WANTED FOLDER: theirs and ours, verified by ours and theirs, end as WANTED
    both() {
        run slm-verify --oms theirs.sig --key $curve.pub "$3"
        expect "$curve: signed there, verified here: $1" "$2"
        run theirs verify key --signature ours.sig --public_key $curve.pub "$3"
        [ "$status" -le 1 ] || status=1
        expect "$curve: signed here, verified there: $1" "$2"
    }
    for curve in p256 p384 p521; do
        theirs sign key --private_key $curve.key --signature theirs.sig model
        rm -f ours.sig
        manifest-sign --oms ours.sig --key $curve.key model >/dev/null
        both 'a folder of ten files and more' 0 model
        changed model/a/b/big 1
        both 'a changed file' 1 model
        fresh
        rm model/a/2
        both 'a removed file' 1 model
        fresh
        echo x >model/a/b/more
        both 'an added file' 1 model
        fresh
        run theirs verify key --signature ours.sig --public_key other.pub model
        [ "$status" -ne 0 ] && ok "$curve: another key, there" || not_ok "$curve: another key, there"
        theirs sign key --private_key $curve.key --signature model/m.sig model
        run slm-verify --oms model/m.sig --key $curve.pub model
        expect "$curve: signed there into the folder" 0 'verdict: pass'
        rm model/m.sig
        manifest-sign --oms model/m.sig --key $curve.key model >/dev/null
        run theirs verify key --signature model/m.sig --public_key $curve.pub model
        expect "$curve: signed here into the folder" 0
        rm model/m.sig
    done
    theirs sign key --private_key p256.key --signature theirs.sig --ignore-paths model/a model
    run slm-verify --oms theirs.sig --key p256.pub model
    expect 'paths that were left out there' 0 'ignored: 6'
    theirs sign key --private_key locked.key --password geheim --signature theirs.sig model
    run slm-verify --oms theirs.sig --key p256.pub model
    expect 'signed there with a password' 0
    theirs sign key --private_key p256.key --signature theirs.sig model/f1
    run slm-verify --oms theirs.sig --key p256.pub model/f1
    expect 'a single file that was signed there' 0 'file: pass f1'
    for size in 3 1000; do
        rm -f theirs.sig
        PYTHONUTF8=1 "$(dirname "$MODEL_SIGNING")/python3" - $size >/dev/null 2>their.err <<'PY'
import sys
from model_signing import hashing, signing
how = hashing.Config().use_shard_serialization(shard_size=int(sys.argv[1]))
signing.Config().use_elliptic_key_signer(private_key='p256.key').set_hashing_config(how).sign('model/f1', 'theirs.sig')
PY
        run slm-verify --oms theirs.sig --key p256.pub model/f1
        expect "a single file that was signed there in shards of $size" 0 'file: pass f1' 'method: shards'
    done
    # its command line knows no shards, its library does
    for size in 1000 7 4096; do
        rm -f theirs.sig
        PYTHONUTF8=1 "$(dirname "$MODEL_SIGNING")/python3" - $size >/dev/null 2>their.err <<'PY'
import sys
from model_signing import hashing, signing
how = hashing.Config().use_shard_serialization(shard_size=int(sys.argv[1]))
signing.Config().use_elliptic_key_signer(private_key='p256.key').set_hashing_config(how).sign('model', 'theirs.sig')
PY
        run slm-verify --oms theirs.sig --key p256.pub model
        expect "shards of $size that were signed there" 0 'method: shards' 'verdict: pass'
        changed model/a/b/big 3499
        run slm-verify --oms theirs.sig --key p256.pub model
        expect "and a changed byte of the last of them" 1 'file: differs a/b/big'
        fresh
    done
    ln -s f1 model/link
    theirs sign key --private_key p256.key --allow_symlinks --signature theirs.sig model
    run slm-verify --oms theirs.sig --key p256.pub model
    expect 'links that were signed there' 0 'file: pass link'
    rm model/link
    if "$MODEL_SIGNING" verify certificate --help >/dev/null 2>&1; then
        theirs sign certificate --private_key p384.key --signing_certificate signer.pem --certificate_chain middle.pem \
            --signature theirs.sig model
        run slm-verify --oms theirs.sig --certificate root.pem model
        expect 'certificates: signed there, verified here' 0 'signer-certificate: CN=signer' 'verdict: pass'
        certified signer p384
        run theirs verify certificate --signature signer.sig --certificate_chain root.pem model
        expect 'certificates: signed here, verified there' 0
        run theirs verify certificate --signature signer.sig --certificate_chain stranger.pem model
        [ "$status" -ne 0 ] && ok 'certificates: another root, there' || not_ok 'certificates: another root, there'
    fi
fi
