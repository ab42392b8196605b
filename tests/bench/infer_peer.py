#!/usr/bin/env python3
"""How fast llama.cpp runs a model, by the PyPI package xllamacpp: infer_peer.py MODEL TOKENS PROMPT THREADS RUNS. One line a run, as the program infer says it."""
import os
import sys
import time

import xllamacpp


def main():
    model, tokens, prompt, threads, runs = sys.argv[1], *map(int, sys.argv[2:6])
    begin = time.monotonic()
    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx = prompt + tokens + 8
    params.n_parallel = 1
    params.warmup = True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    server = xllamacpp.Server(params)
    vocabulary = 500 # as many as the smallest model has
    ids = [(i * 7919 + 1) % vocabulary for i in range(prompt)]
    for _ in range(runs):
        cpu = sum(os.times()[:2])
        answer = server.handle_completions({"prompt": ids, "n_predict": tokens, "temperature": 0, "ignore_eos": True, "cache_prompt": False})
        timings = answer["timings"]
        print(f"llama.cpp, {threads} thread{'s' * (threads > 1)}: prompt {timings['prompt_per_second']:.1f} tokens/s, "
              f"generation {timings['predicted_per_second']:.1f} tokens/s, {(sum(os.times()[:2]) - cpu) / (prompt + tokens):.4f} CPU s a token")
    print(f"llama.cpp: {time.monotonic() - begin:.2f} s from start to last token of {runs} runs")


main()
