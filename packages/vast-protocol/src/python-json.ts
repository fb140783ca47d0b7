/**
 * Text as Python's default JSON encoder writes it: everything outside printable ASCII as \uXXXX in lower-case hex,
 * beyond the basic plane as a surrogate pair. `JSON.stringify` differs there and agrees elsewhere.
 */
export function pythonString(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, escapeUnit);
}

/** A number that Python holds as a float: `242.0` where JavaScript writes `242`. */
export function pythonFloat(value: number): string {
  const text = Object.is(value, -0) ? '-0' : String(value);
  if (!/^-?\d+$/.test(text)) return text.replace(/e([+-])(\d)$/, 'e$10$2');
  return Math.abs(value) < 1e16 ? `${text}.0` : value.toExponential().replace(/e\+(\d)$/, 'e+0$1');
}

const escapeUnit = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
