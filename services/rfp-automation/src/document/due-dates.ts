import type { Span } from './span.ts';

/**
 * Until when something is due, as a sentence says it: a calendar date, or a time from some event. Dates are read only behind words that make
 * them a limit (`by`, `no later than`, `within`); `the agreement of 1 March 2026` is none.
 */
export interface Due extends Span {
  /** `2027-03-15`; null for a time from some event, and for `03/04/2027`, which means two days. */
  date: string | null;
  /** `15:00`, in whatever zone the document means. */
  time: string | null;
  within: { amount: number; unit: DueUnit } | null;
}

export const dueUnits = ['minute', 'hour', 'day', 'business-day', 'week', 'month', 'year'] as const;
export type DueUnit = (typeof dueUnits)[number];

/** In the order of the text, not overlapping. Offsets are those of `text`, from `sentence.start` on. */
export function dueDatesIn(text: string, sentence: Span): Due[] {
  const words = text.slice(sentence.start, sentence.end);
  const found: Due[] = [];
  for (const limit of words.matchAll(limitWords)) {
    const at = limit.index + limit[0].length;
    const due = readDate(words, at) ?? readDuration(words, at, limit[0]);
    const placed = due && { ...due, start: sentence.start + due.start, end: sentence.start + due.end };
    if (placed && placed.start >= (found.at(-1)?.end ?? 0)) found.push(placed);
  }
  return found;
}

/** What a cell says that stands in a column of due dates, where no word makes it a limit. */
export function dueDateAt(text: string, { start, end }: Span): Due | undefined {
  const words = text.slice(start, end);
  const due = readDate(words, 0) ?? readDuration(words, 0, 'within');
  return due && { ...due, start: start + due.start, end: start + due.end };
}

const limitWords =
  /\b(?:(?:no|not) later than|on or before|at the latest(?: by| on)?|prior to|by(?: no later than)?|before|until|till|due(?: date)?(?: is| are)?(?: by| on| in| no later than)?|deadline(?:\sof|[\w\s-]{0,40}?\sis)?|within|in (?:less than|under)|at least|(?:no|not) (?:less|fewer) than)\b[\s:*_]*/gi;
/** Behind these a number of days is a limit as well. */
const durationWords = /within|later than|due|less than|under|fewer than|at least/i;
/** Behind these it is one only where it counts back from an event: `at least five years of experience` is none. */
const leastWords = /at least|(?:no|not) (?:less|fewer) than/i;
const countsBack = /^\s+(?:before|prior|in advance|ahead)\b/i;

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const monthPattern =
  '(jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\\.?';
const weekday = '(?:the\\s+)?(?:(?:mon|tues|wednes|thurs|fri|satur|sun)day,?\\s+(?:the\\s+)?)?';
/** `3:00 p.m. (Central Time) on`, which may stand before a date. */
const clockPattern = '(\\d{1,2})(?:[:.](\\d{2}))?\\s*(a\\.?m\\.?|p\\.?m\\.?|hrs|hours)?';
const zone = `(?:,?\\s*\\(?(?:(?:central|eastern|mountain|pacific|local|greenwich)(?:\\s+(?:standard|daylight|mean))?\\s+time|(?!(?:on|of|the|${monthPattern})\\b|\\w*day\\b)[a-z]{2,5}\\b)\\)?)?`;

const clockBefore = new RegExp(`^${clockPattern}${zone},?\\s*(?:on|of)?\\s+(?=\\S)`, 'i');
const noonBefore = new RegExp(
  `^(?:12 )?(noon|midnight|close of business|end of (?:the )?(?:business )?day)${zone},?\\s*(?:on|of)?\\s+(?=\\S)`,
  'i',
);
const clockBehind = new RegExp(`^(?:,|\\s+at|,\\s*at)?\\s+${clockPattern}`, 'i');
const noonBehind = /^(?:,|\s+at|,\s*at)?\s+(?:12 )?(noon|midnight)\b/i;

/** A date at `at`, with the time of day before or behind it. */
function readDate(words: string, at: number): Due | undefined {
  const rest = words.slice(at, at + 120);
  const before = readTimeBefore(rest);
  const day = before && readDay(rest.slice(before.length));
  if (before && day) return dueDate(at, before.length + day.length, day.date, before.time);
  const first = readDay(rest);
  if (!first) return undefined;
  const behind = readTimeBehind(rest.slice(first.length));
  return dueDate(at, first.length + (behind?.length ?? 0), first.date, behind?.time ?? null);
}

const dueDate = (at: number, length: number, date: string | null, time: string | null): Due => ({
  start: at,
  end: at + length,
  date,
  time,
  within: null,
});

interface TimeOfDay {
  time: string | null;
  length: number;
}

function readTimeBefore(rest: string): TimeOfDay | undefined {
  const noon = noonBefore.exec(rest);
  if (noon) return { time: noonTime(noon[1] as string), length: noon[0].length };
  const clock = clockBefore.exec(rest);
  const time = clock ? timeOf(clock) : undefined;
  return clock && time !== undefined ? { time, length: clock[0].length } : undefined;
}

function readTimeBehind(rest: string): TimeOfDay | undefined {
  const noon = noonBehind.exec(rest);
  if (noon) return { time: noonTime(noon[1] as string), length: noon[0].length };
  const clock = clockBehind.exec(rest);
  const time = clock ? timeOf(clock) : undefined;
  return clock && time !== undefined ? { time, length: clock[0].length } : undefined;
}

/** The end of a business day is at no hour that everybody agrees on. */
const noonTime = (word: string): string | null => (/noon/i.test(word) ? '12:00' : /midnight/i.test(word) ? '24:00' : null);

/** Needs minutes or a.m. and p.m.: a bare number is no time of day. */
function timeOf([, hours, minutes, half]: RegExpExecArray): string | undefined {
  if (minutes === undefined && half === undefined) return undefined;
  let hour = Number(hours);
  if (/^[ap]/i.test(half ?? '')) {
    if (hour < 1 || hour > 12) return undefined;
    hour = (hour % 12) + (/^p/i.test(half as string) ? 12 : 0);
  }
  const minute = Number(minutes ?? 0);
  return hour <= 24 && minute < 60 ? `${pad(hour)}:${pad(minute)}` : undefined;
}

interface Day {
  date: string | null;
  length: number;
}

const dayForms: { pattern: RegExp; read: (match: RegExpExecArray) => string | null | undefined }[] = [
  { pattern: new RegExp(`^${weekday}(\\d{4})-(\\d{2})-(\\d{2})\\b`, 'i'), read: ([, year, month, day]) => calendarDate(year, month, day) },
  {
    pattern: new RegExp(`^${weekday}(\\d{1,2})(?:st|nd|rd|th)?\\s+(?:day\\s+of\\s+)?(?:of\\s+)?${monthPattern},?\\s+(\\d{4})\\b`, 'i'),
    read: ([, day, month, year]) => calendarDate(year, monthNumber(month), day),
  },
  {
    pattern: new RegExp(`^${weekday}${monthPattern}\\s+(\\d{1,2})(?:st|nd|rd|th)?,?\\s+(\\d{4})\\b`, 'i'),
    read: ([, month, day, year]) => calendarDate(year, monthNumber(month), day),
  },
  {
    pattern: new RegExp(`^${weekday}(\\d{1,2})\\.(\\d{1,2})\\.(\\d{4})\\b`, 'i'),
    read: ([, day, month, year]) => calendarDate(year, month, day),
  },
  {
    pattern: new RegExp(`^${weekday}(\\d{1,2})/(\\d{1,2})/(\\d{4})\\b`, 'i'),
    read: ([, first, second, year]) => slashDate(first, second, year),
  },
];

function readDay(rest: string): Day | undefined {
  for (const { pattern, read } of dayForms) {
    const match = pattern.exec(rest);
    const date = match ? read(match) : undefined;
    if (match && date !== undefined) return { date, length: match[0].length };
  }
  return undefined;
}

/** Month first or day first: only a number over 12 tells. */
function slashDate(first: string | undefined, second: string | undefined, year: string | undefined): string | null | undefined {
  if (Number(first) > 12) return calendarDate(year, second, first);
  if (Number(second) > 12) return calendarDate(year, first, second);
  if (first === second) return calendarDate(year, first, second);
  return calendarDate(year, first, second) === undefined ? undefined : null;
}

const monthNumber = (name: string | undefined) => String(months.indexOf((name ?? '').slice(0, 3).toLowerCase()) + 1);

/** undefined: there is no such day. */
function calendarDate(year: string | undefined, month: string | undefined, day: string | undefined): string | undefined {
  const text = `${year}-${pad(Number(month))}-${pad(Number(day))}`;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(text) ? text : undefined;
}

const pad = (value: number) => String(value).padStart(2, '0');

const small =
  'one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(' ');
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ');
/** `a` to `ninety-nine`. */
const numberWords = new Map<string, number>([
  ['a', 1],
  ['an', 1],
  ...small.map((word, index) => [word, index + 1] as const),
  ...tens.flatMap((ten, index) => [
    [ten, (index + 2) * 10] as const,
    ...small.slice(0, 9).map((unit, more) => [`${ten}-${unit}`, (index + 2) * 10 + more + 1] as const),
  ]),
]);
const numberPattern = [...numberWords.keys()].sort((left, right) => right.length - left.length).join('|');
const durationPattern = new RegExp(
  `^(?:an? (?:period|maximum) of\\s+|the first\\s+)?(?:(\\d{1,4})|(${numberPattern}))(?:\\s*\\((\\d{1,4})\\))?[\\s-]+(?:(business|working|calendar|consecutive)\\s+)?(minute|hour|day|week|month|year)s?\\b`,
  'i',
);

function readDuration(words: string, at: number, limit: string): Due | undefined {
  const rest = words.slice(at, at + 100);
  const match = durationWords.test(limit) ? durationPattern.exec(rest) : undefined;
  if (!match) return undefined;
  const [whole, digits, word, inBrackets, kind, unit] = match;
  if (leastWords.test(limit) && !countsBack.test(rest.slice(whole.length))) return undefined;
  const amount = Number(inBrackets ?? digits ?? numberWords.get((word as string).toLowerCase()));
  const isBusiness = /business|working/i.test(kind ?? '') && /day/i.test(unit as string);
  const dueUnit = isBusiness ? 'business-day' : ((unit as string).toLowerCase() as DueUnit);
  return { start: at, end: at + whole.length, date: null, time: null, within: { amount, unit: dueUnit } };
}
