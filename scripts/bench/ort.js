// The speed of ONNX Runtime on a model that `mtrain save` wrote.
//
// usage: node ort.js FOLDER MODEL.onnx THREADS DIMS TYPE, where FOLDER has
// node_modules and DIMS is as 64,784
//
// Each line {"turn": SECONDS} of the input is answered by {"value":
// MILLISECONDS} of a run.
'use strict';
const path = require('path');
const readline = require('readline');
const [folder, model, threads, dims, type] = process.argv.slice(2);
const ort = require(path.resolve(folder, 'node_modules', 'onnxruntime-node'));

function input() {
    const shape = dims.split(',').map(Number);
    const n = shape.reduce((a, b) => a * b, 1);
    const data = type === 'int64'
        ? BigInt64Array.from({ length: n }, (_, i) => BigInt(i % 65))
        : Float32Array.from({ length: n }, (_, i) => Math.sin(i));
    return new ort.Tensor(type, data, shape);
}

async function turn(session, feeds, seconds) {
    const start = performance.now();
    let n = 0, now = start;
    while (n === 0 || now - start < seconds * 1e3) {
        await session.run(feeds);
        now = performance.now();
        n++;
    }
    return (now - start) / n;
}

async function main() {
    const session = await ort.InferenceSession.create(
        model, { intraOpNumThreads: Number(threads),
                 interOpNumThreads: 1, graphOptimizationLevel: 'all' });
    const feeds = { input: input() };
    await turn(session, feeds, 0.1);
    for await (const line of readline.createInterface({ input: process.stdin }))
        console.log(JSON.stringify({
            value: await turn(session, feeds, JSON.parse(line).turn) }));
}

main();
