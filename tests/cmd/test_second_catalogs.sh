#!/bin/sh
# Catalogs in two implementations that share no code: every proof of trees with 1 to 70 leaves, proofs that were changed, and the steps from head to head.
. "$(dirname "$0")/harness.sh"
need 'two implementations of catalogs' python3 || exit 0
PYTHONDONTWRITEBYTECODE=1
MINIMODEL_KEYRING=$WORK/ring
export PYTHONDONTWRITEBYTECODE MINIMODEL_KEYRING
TREES=$ROOT/tests/cmd/catalog_trees.py
MOST=${TREES_MOST:-70} # leaves; a run takes 2 processes for each pair of them
case $BUILD in *address* | *thread*) MOST=${TREES_MOST:-20} ;; esac
mkdir ring
python3 "$ROOT/tests/cmd/catalogs.py" many many "$MOST"

same "every proof in trees of 1 to $MOST leaves" '' "$(python3 "$TREES" grow web "$MOST" 2>&1 | head -n 8)"
same 'the last catalog has them all' "$MOST" "$(sed -n 's/^entry-count: //p' web/catalog.head)"
same 'changed proofs are refused by both' '' "$(python3 "$TREES" mutate web 2>&1 | head -n 8)"
same 'proofs from the second implementation hold here' '' "$(for m in 1 2 "$((MOST - 1))" "$MOST"; do
    python3 "$ROOT/tests/second/catalog.py" consistency web "$m" >p && catalog-build -q --allow-unsigned --check-proof p --since "web/heads/$m" web/catalog.head >/dev/null || echo "from $m"
    python3 "$ROOT/tests/second/catalog.py" prove web "$((m - 1))" >p && catalog-build -q --allow-unsigned --check-proof p web/catalog.head >/dev/null || echo "entry $m"
done 2>&1)"

# one model more, two withdrawn, one of them whole, and one that came and went
mkdir few && for i in 0 1 2 3 4; do cp "many/00000$i.manifest" few; done
build() { catalog-build -q -o steps --allow-unsigned "$@" >/dev/null 2>&1 || not_ok "a step: $*"; }
build --catalog-id demo --publisher demo few/000000.manifest few/000001.manifest
build few/000002.manifest few/000003.manifest
build -w demo/model-000001 --reason x few/000004.manifest
build -w demo/model-000002@3 --reason x
build --renew
build -w demo/model-000004@2 --reason x
same 'steps, and steps that were changed' '' "$(python3 "$TREES" changes steps 2>&1 | head -n 8)"
