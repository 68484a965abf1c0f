// Runs ONNX models with ONNX Runtime.
//
// usage: node run.js FOLDER JOBS.json, where FOLDER has node_modules
//
// JOBS.json is a list of {"model": FILE, "type": "float32" or "int64", "dims":
// [...], "data": [...]}; for each, a line of JSON comes out: {"name", "dims",
// "data", "digest"} of its output, or {"error"}.
'use strict';
const fs = require('fs');
const path = require('path');
const ort = require(path.resolve(process.argv[2], 'node_modules',
                                 'onnxruntime-node'));

async function run(job) {
    const session = await ort.InferenceSession.create(job.model);
    if (session.inputNames.join() !== 'input' ||
        session.outputNames.join() !== 'output')
        throw new Error(`it has ${session.inputNames} and ` +
                        `${session.outputNames}, not input and output`);
    const data = job.type === 'int64'
        ? BigInt64Array.from(job.data, BigInt) : Float32Array.from(job.data);
    const out = await session.run(
        { input: new ort.Tensor(job.type, data, job.dims) });
    return { dims: out.output.dims, data: Array.from(out.output.data) };
}

async function main() {
    for (const job of JSON.parse(fs.readFileSync(process.argv[3], 'utf8'))) {
        let result;
        try {
            result = await run(job);
        } catch (error) {
            result = { error: error.message };
        }
        console.log(JSON.stringify(result, (key, value) =>
            typeof value === 'number' && !Number.isFinite(value)
                ? String(value) : value));
    }
}

main();
