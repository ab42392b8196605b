// How fast llama.cpp runs a model, by the npm package node-llama-cpp, which carries its kernels for each processor: infer_peer.mjs MODEL TOKENS PROMPT THREADS RUNS,
// with a folder that has the package as the working folder. One line a run, as the program infer says it.
import {createRequire} from "node:module";
import {pathToFileURL} from "node:url";

const require = createRequire(process.cwd() + "/");
const {getLlama} = await import(pathToFileURL(require.resolve("node-llama-cpp")));
const [model, tokens, prompt, threads, runs] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const begin = process.hrtime.bigint();
const llama = await getLlama({gpu: false, build: "never", maxThreads: threads, logLevel: "error"});
const loaded = await llama.loadModel({modelPath: model, useMmap: true});
const context = await loaded.createContext({contextSize: prompt + tokens + 8, threads: threads, batchSize: prompt});
const sequence = context.getSequence();
const seconds = (a) => Number(process.hrtime.bigint() - a) / 1e9;
for (let run = 0; run < runs; run++) {
    await sequence.clearHistory();
    const ids = Array.from({length: prompt}, (_, i) => (i * 7919 + 1) % 500);
    let at = process.hrtime.bigint(), made = 0, first = 0, cpu = null;
    for await (const token of sequence.evaluate(ids, {temperature: 0, yieldEogToken: true})) {
        if (made === 0) { first = seconds(at); at = process.hrtime.bigint(); cpu = process.cpuUsage(); }
        if (++made > tokens) break;
    }
    const wall = seconds(at), used = process.cpuUsage(cpu);
    console.log(`llama.cpp, ${threads} thread${threads > 1 ? "s" : ""}: prompt ${(prompt / first).toFixed(1)} tokens/s, generation ${((made - 1) / wall).toFixed(1)} tokens/s, ${((used.user + used.system) / 1e6 / (made - 1)).toFixed(4)} CPU s a token`);
}
console.log(`llama.cpp: ${seconds(begin).toFixed(2)} s from start to last token of ${runs} runs; ${llama.systemInfo}`);
process.exit(0);
