/** Writes ONNX files: as much of their protobuf as a tiny model needs. Field numbers: `onnx.proto3`. */

export interface Node {
  op: string;
  inputs: string[];
  outputs: string[];
  attributes?: Record<string, number | number[]>;
}

export interface Weights {
  name: string;
  dims: number[];
  data: Float32Array | BigInt64Array;
}

/** Dimensions that vary are names. */
export interface Value {
  name: string;
  type: 'float' | 'int64';
  dims: (number | string)[];
}

export interface Graph {
  nodes: Node[];
  weights: Weights[];
  inputs: Value[];
  outputs: Value[];
}

const elementTypes = { float: 1, int64: 7 } as const;

export function onnxModel(graph: Graph): Buffer {
  const operatorSet = [text(1, ''), integer(2, 13)];
  return message([integer(1, 8), text(2, 'cpu-model-server tests'), nested(7, graphFields(graph)), nested(8, operatorSet)]);
}

const graphFields = ({ nodes, weights, inputs, outputs }: Graph) => [
  ...nodes.map((node) => nested(1, nodeFields(node))),
  text(2, 'tiny'),
  ...weights.map((tensor) => nested(5, tensorFields(tensor))),
  ...inputs.map((value) => nested(11, valueFields(value))),
  ...outputs.map((value) => nested(12, valueFields(value))),
];

const nodeFields = ({ op, inputs, outputs, attributes = {} }: Node) => [
  ...inputs.map((name) => text(1, name)),
  ...outputs.map((name) => text(2, name)),
  text(4, op),
  ...Object.entries(attributes).map(([name, value]) => nested(5, attributeFields(name, value))),
];

function attributeFields(name: string, value: number | number[]): Buffer[] {
  if (typeof value === 'number') return [text(1, name), integer(3, value), integer(20, 2)];
  return [text(1, name), ...value.map((one) => integer(8, one)), integer(20, 7)];
}

const tensorFields = ({ name, dims, data }: Weights) => [
  ...dims.map((size) => integer(1, size)),
  integer(2, data instanceof Float32Array ? elementTypes.float : elementTypes.int64),
  text(8, name),
  bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
];

function valueFields({ name, type, dims }: Value): Buffer[] {
  const sizes = dims.map((size) => nested(1, [typeof size === 'number' ? integer(1, size) : text(2, size)]));
  const tensorType = [integer(1, elementTypes[type]), nested(2, sizes)];
  return [text(1, name), nested(2, [nested(1, tensorType)])];
}

const message = (fields: Buffer[]) => Buffer.concat(fields);
const integer = (field: number, value: number) => Buffer.concat([varint(field * 8), varint(value)]);
const bytes = (field: number, data: Buffer) => Buffer.concat([varint(field * 8 + 2), varint(data.length), data]);
const text = (field: number, value: string) => bytes(field, Buffer.from(value));
const nested = (field: number, fields: Buffer[]) => bytes(field, message(fields));

/** Negative numbers are 64 bits of two's complement. */
function varint(value: number): Buffer {
  const groups: number[] = [];
  let left = BigInt.asUintN(64, BigInt(value));
  do {
    groups.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    left >>= 7n;
  } while (left > 0n);
  return Buffer.from(groups);
}
