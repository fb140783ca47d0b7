import { writeFile } from 'node:fs/promises';
import { cpus, release, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import { checkBar, isMet } from './bar.ts';
import { buildTargets } from './build.ts';
import { aboutText, type Results, scenarioText, summarize } from './results.ts';
import { type Figures, type Scenario, scenarios } from './scenarios.ts';
import { type Stage, setStage } from './stage.ts';
import { measureBuild, measureStart } from './start-up.ts';
import { startTarget, type Target, type TargetName, targetNames } from './targets.ts';

/** Without the variants of our worker. */
const everyday: readonly TargetName[] = ['direct', 'copier', 'nginx', 'floor', 'worker', 'official'];

const help = `What a worker costs, side by side with others in the same run.

npm run bench -- [options]

  --only NAMES      scenarios, with commas: ${[...scenarios.map(({ name }) => name), 'start', 'build'].join(', ')}
                    (default: all but million)
  --targets NAMES   with commas: ${targetNames.join(', ')}
                    (default: all that can be had here)
  --rounds N        times each target is measured, in turns (default 5)
  --scale X         size of each measurement; 1 takes about 25 minutes in all, 0.01 some seconds (default 1)
  --json FILE       writes everything measured
  --assert          exits with 1 when the worker misses the bar
  --help
`;

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    targets: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    scale: { type: 'string', default: '1' },
    json: { type: 'string' },
    assert: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) {
  process.stdout.write(help);
  process.exit();
}
const names = [...scenarios.map(({ name }) => name), 'start', 'build'];
const only = values.only === undefined ? names.filter((name) => name !== 'million') : chosen('--only', values.only, names);
const targets = values.targets === undefined ? targetNames : chosen('--targets', values.targets, targetNames);
const rounds = numberOf('--rounds', values.rounds);
const scale = numberOf('--scale', values.scale);

const results: Results = {
  about: {
    command: `npm run bench -- ${process.argv.slice(2).join(' ')}`.trim(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release()}`,
    node: process.version,
    date: new Date().toISOString(),
  },
  scenarios: [],
};
await buildTargets();
for (const scenario of scenarios.filter(({ name }) => only.includes(name))) {
  tell(`${scenario.name} …`);
  await note(await play(scenario));
}
if (only.includes('start')) {
  tell('start …');
  await using stage = await setStage({ eventIntervalMs: 25 });
  const measured: Figures[] = [];
  for (let round = 0; round < rounds; round += 1) measured.push(await measureStart(stage));
  const targets = [{ name: 'agent-brain', figures: summarize(measured) }];
  await note({ name: 'start', title: 'the bundled service agent-brain', targets });
}
if (only.includes('build')) {
  tell('build …');
  const figures = summarize([measureBuild()]);
  await note({ name: 'build', title: 'turbo run build, nothing changed', targets: [{ name: 'turbo', figures }] });
}

console.log(`\n${aboutText(results)}`);
const checks = checkBar(results).filter(({ value }) => value !== undefined);
console.log('\nThe bar, as far as it was measured:');
for (const check of checks) {
  console.log(`  ${isMet(check) ? 'met   ' : 'MISSED'}  ${check.what}: ${check.value?.toPrecision(3)}, at most ${check.atMost}`);
}
if (values.assert && !checks.every(isMet)) process.exitCode = 1;

/** Each is shown and written at once: what comes later may fail. */
async function note(scenario: Results['scenarios'][number]): Promise<void> {
  results.scenarios.push(scenario);
  console.log(scenarioText(scenario));
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, undefined, 2)}\n`);
}

/** Targets take turns, so that what else the machine does meets all of them alike. */
async function play(scenario: Scenario): Promise<Results['scenarios'][number]> {
  await using stage = await setStage({ eventIntervalMs: scenario.eventIntervalMs ?? 25 });
  results.about.stage = stage.cores === undefined ? 'on the same cores as the targets' : `on core ${stage.cores}`;
  const wanted = targets.filter((name) => (scenario.targets ?? everyday).includes(name));
  const measured = new Map<string, Figures[]>();
  const measure = async (target: Target) =>
    measured.set(target.name, [...(measured.get(target.name) ?? []), await scenario.measure(target, stage, scale)]);
  if (scenario.isFresh) {
    for (let round = 0; round < rounds; round += 1) for (const name of wanted) await withTarget(name, stage, measure);
  } else {
    await using stack = new AsyncDisposableStack();
    const started: Target[] = [];
    for (const name of wanted) {
      const target = await startTarget(name, stage);
      if (!target) continue;
      noteVersion(target);
      started.push(stack.use(target));
    }
    for (const target of started) {
      if (scenario.warmUp) await scenario.warmUp(target, stage, scale);
      else await scenario.measure(target, stage, scale);
    }
    for (let round = 0; round < rounds; round += 1) for (const target of started) await measure(target);
  }
  const figures = [...measured].map(([name, all]) => ({ name, figures: summarize(all) }));
  return { name: scenario.name, title: scenario.title, targets: figures };
}

async function withTarget(name: TargetName, stage: Stage, work: (target: Target) => Promise<unknown>): Promise<void> {
  await using target = await startTarget(name, stage);
  if (!target) return;
  noteVersion(target);
  await work(target);
}

/** What is not this Node is named with what it is. */
function noteVersion({ name, version }: Target): void {
  if (version !== process.version) results.about[name] = version;
}

function chosen<Name extends string>(option: string, text: string, known: readonly Name[]): Name[] {
  const asked = text.split(',');
  const unknown = asked.filter((name) => !known.includes(name as Name));
  if (unknown.length > 0) fail(`${option}: expected some of ${known.join(', ')}; found ${unknown.join(', ')}`);
  return asked as Name[];
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  if (!(number > 0)) fail(`${option}: expected a number above 0; found ${JSON.stringify(text)}`);
  return number;
}

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

/** Progress goes where it does not mix with the tables. */
function tell(text: string): void {
  console.error(text);
}
