# Sourced by test_replay.sh and run.sh. folders_of NAME: the corpus folders that feed the harness NAME.
folders_of() {
    case $1 in
    artifact | refused) echo "gguf safetensors json refused text opaque slm" ;;
    pack | network) echo "pack gguf slm" ;;
    chunk_list) echo chunk-list ;;
    route) echo manifest ;;
    receipt) echo "receipt report" ;;
    catalog_query) echo catalog-query ;;
    catalog_*) echo catalog ;;
    *) echo "$1" ;;
    esac
}
