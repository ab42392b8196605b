# Sourced by the tests that speak HTTP/3 with aioquic, behind harness.sh: $aioquic is a Python that has it, or empty; $no_aioquic says why.
aioquic=
no_aioquic='no aioquic here: scripts/peers.sh gets it'
for candidate in "$ROOT/build/aioquic/bin/python" python3; do # what scripts/peers.sh put there, or the system's
    if "$candidate" -c 'import aioquic.h3.connection' 2>/dev/null; then
        aioquic=$candidate
        break
    fi
done
