# Sourced behind harness.sh by scenarios of imports, whose store is `home`.

# take ARGUMENT...: an import of an unsigned model
take() { run slm-import -q --allow-unsigned "$@"; }

# fact KEY: its value in the last output
fact() { sed -n "s/^$1: //p" "$WORK/.out"; }

# none NAME: nothing is under models/
none() { same "$1: nothing appears" '' "$(find home/models -type f 2>/dev/null | head -n 3)"; }

# sound NAME: the store is all right, and nothing is left of the import
sound() {
    run slm-check -q
    expect "$1: slm-check passes" 0 "pass"
    same "$1: nothing is left in store/partial" '' "$(find home/store/partial -mindepth 1)"
}
