// A handful of checks with a line each; the exit status says whether all of them held.
const checks = [];
export const check = (name, run) => checks.push([name, run]);
export const equal = (got, expected) => {
  const [a, b] = [JSON.stringify(got), JSON.stringify(expected)];
  if (a !== b) throw new Error(`expected ${b}, got ${a}`);
};
const late = (ms) => new Promise((_, reject) => setTimeout(() => reject(new Error(`nothing within ${ms} ms`)), ms).unref());
export async function runChecks() {
  let failed = 0;
  for (const [name, run] of checks) {
    try {
      await Promise.race([run(), late(10_000)]);
      console.log(`ok   ${name}`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL ${name} | ${error?.message ?? JSON.stringify(error)}`);
    }
  }
  console.log(`SUMMARY ok=${checks.length - failed}/${checks.length}`);
  process.exit(failed ? 1 : 0);
}
