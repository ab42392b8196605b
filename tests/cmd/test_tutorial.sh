# What the tutorial shows is what the commands say.
. "$(dirname "$0")/harness.sh"

cd "$ROOT" || exit 1
python3 "$ROOT/tests/cmd/tutorial.py" "$ROOT/docs/tutorial.md" "$WORK/try" 'the tutorial'
