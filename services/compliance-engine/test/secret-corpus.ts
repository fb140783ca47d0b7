import { hasCheckDigit } from '../src/secrets/payment-cards.ts';
import type { SecretKind } from '../src/secrets/secret-patterns.ts';

/**
 * Fake secrets in the places where real ones are found, and look-alikes that are none. Everything is made from parts by
 * a seeded generator: no line of this file is a secret, for us or for any scanner of repositories.
 */

export interface Planted {
  kind: SecretKind;
  /** How it is written down. */
  place: string;
  text: string;
  start: number;
  end: number;
}

type Random = (below: number) => number;

/** The same numbers on every machine: Numerical Recipes' linear congruential generator. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const lower = 'abcdefghijklmnopqrstuvwxyz';
const upper = lower.toUpperCase();
const digits = '0123456789';
export const alnum = lower + upper + digits;
export const hex = 'abcdef0123456789';
const base64url = `${alnum}-_`;
const base64 = `${alnum}+/`;

export const chars = (random: Random, alphabet: string, length: number) =>
  Array.from({ length }, () => alphabet[random(alphabet.length)]).join('');
const pick = <Item>(random: Random, items: readonly Item[]) => items[random(items.length)] as Item;

type Maker = (random: Random) => string;

const cardOf =
  (prefixes: readonly string[], length: number): Maker =>
  (random) => {
    const prefix = pick(random, prefixes);
    const body = prefix + chars(random, digits, length - prefix.length - 1);
    return body + [...digits].find((digit) => hasCheckDigit(body + digit));
  };
const cards = [
  cardOf(['4'], 16),
  cardOf(['51', '55', '2221', '2720'], 16),
  cardOf(['34', '37'], 15),
  cardOf(['6011', '65'], 16),
  cardOf(['300', '36'], 14),
  cardOf(['3528', '3589'], 16),
];
const inGroups = (card: string, separator: string) =>
  (card.length === 16 ? [4, 4, 4, 4] : [4, 6, card.length - 10])
    .map((length, index, all) => {
      const from = all.slice(0, index).reduce((sum, one) => sum + one, 0);
      return card.slice(from, from + length);
    })
    .join(separator);

const pem = (random: Random, name: string) => {
  const lines = Array.from({ length: 4 + random(20) }, () => chars(random, base64, 64));
  const dashes = '-'.repeat(5);
  return [`${dashes}BEGIN ${name}${dashes}`, ...lines, `${chars(random, base64, 10)}==`, `${dashes}END ${name}${dashes}`].join('\n');
};

const password: Maker = (random) =>
  pick<Maker>(random, [
    (r) => `${pick(r, ['Sommer', 'Winter', 'Lisbon', 'Dragon'])}${1990 + r(40)}${pick(r, ['!', '#', '', '$'])}`,
    (r) => chars(r, alnum, 10 + r(10)) + r(10) + pick(r, [...lower]),
    (r) => `${chars(r, `${alnum}!#%&*+=?@^~`, 14)}4x`,
    (r) => `${pick(r, ['correct', 'purple'])}-${pick(r, ['horse', 'monkey'])}-${r(10_000)}-battery`,
    (r) => chars(r, hex, 32),
  ])(random);

/** Kinds that are recognised by how they look, wherever they stand. */
const looks: Partial<Record<SecretKind, Maker>> = {
  'private-key': (random) => pem(random, `${pick(random, ['', 'RSA ', 'EC ', 'OPENSSH ', 'ENCRYPTED '])}PRIVATE KEY`),
  'aws-access-key-id': (random) => pick(random, ['AKI', 'ASI']) + 'A' + chars(random, `${upper}234567`, 16),
  'github-token': (random) =>
    random(3) > 0
      ? `gh${pick(random, [...'opsur'])}_${chars(random, alnum, 36)}`
      : `github_${'pat'}_${chars(random, alnum, 22)}_${chars(random, alnum, 59)}`,
  'gitlab-token': (random) => `gl${'pat'}-${chars(random, base64url, 20)}`,
  'slack-token': (random) =>
    `xox${pick(random, [...'bpa'])}-${chars(random, digits, 12)}-${chars(random, digits, 12)}-${chars(random, alnum, 24)}`,
  'stripe-key': (random) => `${pick(random, ['s', 'r'])}k_${pick(random, ['live', 'test'])}_${chars(random, alnum, 24 + random(75))}`,
  'google-key': (random) => (random(2) > 0 ? `AI${'za'}${chars(random, base64url, 35)}` : `GOC${'SPX'}-${chars(random, base64url, 28)}`),
  'anthropic-key': (random) => `sk-${'ant'}-api03-${chars(random, base64url, 93)}AA`,
  'openai-key': (random) => (random(2) > 0 ? `sk-${'proj'}-${chars(random, base64url, 120)}7a` : `sk-${chars(random, alnum, 46)}7a`),
  'huggingface-token': (random) => `hf${'_'}${chars(random, lower + upper, 34)}`,
  'npm-token': (random) => `npm${'_'}${chars(random, alnum, 36)}`,
  'pypi-token': (random) => `py${'pi'}-AgEIcHlwaS5vcmc${chars(random, base64url, 150)}`,
  'sendgrid-key': (random) => `SG${'.'}${chars(random, base64url, 22)}.${chars(random, base64url, 43)}`,
  'json-web-token': (random) =>
    [`{"alg":"HS256","typ":"JWT"}`, `{"sub":"${random(1e9)}","name":"${chars(random, lower, 8)}"}`]
      .map((part) => Buffer.from(part).toString('base64url'))
      .concat(chars(random, base64url, 43))
      .join('.'),
  'service-token': (random) =>
    pick<Maker>(random, [
      (r) => `dop${'_v1_'}${chars(r, hex, 64)}`,
      (r) => `shpat${'_'}${chars(r, hex, 32)}`,
      (r) => `r8${'_'}${chars(r, alnum, 37)}`,
      (r) => `tskey${'-auth-'}${chars(r, alnum, 12)}-${chars(r, alnum, 32)}`,
    ])(random),
  'unnamed-token': (random) => `${chars(random, alnum, 28)}a1B2c3D4e5`,
  'payment-card': (random) => {
    const card = pick(random, cards)(random);
    return pick(random, [card, inGroups(card, ' '), inGroups(card, '-'), inGroups(card, '\u00a0')]);
  },
};

type Place = (secret: string) => [before: string, after: string];

const anywhere: Record<string, Place> = {
  'in a sentence': () => ['During the migration use ', ' and nothing else.'],
  'at the end of a sentence': () => ['The value for the import is ', '. It expires in March.'],
  'in brackets': () => ['Ask the vendor for a new one (', ') in January.'],
  'in JSON': () => ['{"name":"import","value":"', '","page":2}'],
  'in escaped JSON': () => ['"{\\"value\\":\\"', '\\"}"'],
  'in YAML': () => ['import:\n  value: ', '\n  page: 2\n'],
  'in a shell script': () => ['export IMPORT_VALUE=', '\nexport PAGE=2\n'],
  'in a URL': () => ['https://api.example.com/v1/import?value=', '&page=2'],
  'as code': () => ['Set it to `', '` first.'],
  'in a table': () => ['| import | ', ' | 2024 |'],
  'in a list with semicolons': () => ['import;', ';2024'],
  'in curly quotes': () => ['The value is “', '” until further notice.'],
  'in angle brackets': () => ['<value>', '</value>'],
  alone: () => ['', ''],
};

/** Kinds that are recognised by what stands beside them: the secret between the two texts. */
const inContext: Partial<Record<SecretKind, { make: Maker; places: Record<string, Place> }>> = {
  'aws-secret-access-key': {
    make: (random) => `${chars(random, base64, 38)}7q`,
    places: {
      'in a shell script': () => ['export AWS_SECRET_ACCESS_KEY=', '\n'],
      'in a credentials file': () => ['[default]\naws_secret_access_key = ', '\nregion = eu-west-1\n'],
      'in JSON': () => ['{"SecretAccessKey": "', '", "Version": 1}'],
      'in a sentence': () => ['The secret access key: ', ' belongs to the import.'],
      'beside its name only': () => ['The secret key of the import is ', ' since May.'],
    },
  },
  'azure-storage-key': {
    make: (random) => `${chars(random, base64, 86)}==`,
    places: {
      'in a connection string': () => ['DefaultEndpointsProtocol=https;AccountName=import;AccountKey=', ';EndpointSuffix=core.windows.net'],
    },
  },
  'slack-webhook': {
    make: (random) => `T${chars(random, upper + digits, 8)}/B${chars(random, upper + digits, 10)}/${chars(random, alnum, 24)}`,
    places: { 'in a sentence': () => ['Post alerts to https://hooks.slack.com/services/', ' at once.'] },
  },
  authorization: {
    make: (random) => chars(random, base64, 30 + random(60)) + random(10) + 'a',
    places: {
      'in a header': () => ['GET /v1 HTTP/1.1\nAuthorization: Bearer ', '\nAccept: */*\n'],
      'in a command': () => ["curl -H 'Authorization: Basic ", "' https://api.example.com"],
      'in JSON': () => ['{"Authorization": "Bearer ', '"}'],
      'without the header': () => ['Call it with the bearer ', ' please.'],
    },
  },
  'url-password': {
    make: (random) => chars(random, `${alnum}!$%*`, 6 + random(14)),
    places: {
      'in a connection string': () => ['DATABASE_URL=postgres://app:', '@db.example.com:5432/app\n'],
      'in a sentence': () => ['The queue is amqp://worker:', '@mq.example.com/jobs and needs no VPN.'],
      'without a user': () => ['redis://:', '@cache.example.com:6379/0'],
    },
  },
  'url-signature': {
    make: (random) => `${chars(random, alnum, 40)}%3D`,
    places: {
      'in a signed address': () => ['https://example.blob.core.windows.net/a?sv=2022&sig=', '&se=2027'],
      'in a presigned address': () => ['https://example.s3.amazonaws.com/a?X-Amz-Date=2027&X-Amz-Signature=', ' expires at noon.'],
    },
  },
  password: {
    make: password,
    places: {
      'in a sentence with a colon': () => ['Log in as admin, password: ', ' and change it.'],
      'in a sentence with is': () => ['The password is ', ' for everybody.'],
      'in YAML': () => ['db:\n  password: ', '\n  port: 5432\n'],
      'in quotes': () => ['DB_PASSWORD="', '"\n'],
      'in JSON': () => ['{"client_secret": "', '", "id": 4}'],
      'in a settings file': () => ['api_key = ', '\nretries = 3\n'],
      'in code': () => ["const apiKey = '", "';"],
      'in a table': () => ['| Password | ', ' |'],
      'as an option': () => ['backup --user app --password ', ' --all'],
      'in escaped JSON': () => ['"{\\"password\\": \\"', '\\"}"'],
      'in XML': () => ['<password>', '</password>'],
      'in a header': () => ['X-Api-Key: ', '\nAccept: */*\n'],
      'beside a user name only': () => ['Log in as admin / ', ' and change it.'],
      'in another language': () => ['Das Kennwort lautet ', ' bis Montag.'],
    },
  },
};

/** `perKind` secrets of each kind, in the places of the kind in turn. */
export function plantedSecrets(perKind: number): Planted[] {
  const random = seeded(20_261_123);
  const all: Planted[] = [];
  for (const [kind, make] of Object.entries(looks)) all.push(...planted(kind as SecretKind, make, anywhere, perKind, random));
  for (const [kind, { make, places }] of Object.entries(inContext)) all.push(...planted(kind as SecretKind, make, places, perKind, random));
  return all;
}

function planted(kind: SecretKind, make: Maker, places: Record<string, Place>, count: number, random: Random): Planted[] {
  const named = Object.entries(places);
  return Array.from({ length: count }, (_, index) => {
    const [place, around] = named[index % named.length] as [string, Place];
    return plant(kind, place, make(random), around);
  });
}

function plant(kind: SecretKind, place: string, secret: string, around: Place): Planted {
  const [before, after] = around(secret);
  return { kind, place, text: before + secret + after, start: before.length, end: before.length + secret.length };
}

/** Look-alikes: what a policy, an invoice or a log is full of. */
export function lookAlikes(perKind: number): { what: string; text: string }[] {
  const random = seeded(77);
  const makers: Record<string, Maker> = {
    'a UUID': (r) => `Ticket ${[8, 4, 4, 4, 12].map((length) => chars(r, hex, length)).join('-')} was closed.`,
    'a commit': (r) => `Fixed in ${chars(r, hex, 40)}.`,
    'a checksum': (r) => `sha256:${chars(r, hex, 64)}`,
    'an order number': (r) => `Order ${1 + r(9)}${chars(r, digits, 15)} was shipped.`,
    'a card with a wrong check digit': (r) => {
      const card = pick(r, cards)(r);
      return `Card ${inGroups(card.slice(0, -1) + ((Number(card.at(-1)) + 1 + r(9)) % 10), ' ')} was refused.`;
    },
    'a telephone number': (r) => `Call +49 ${chars(r, digits, 3)} ${chars(r, digits, 4)} ${chars(r, digits, 4)}.`,
    'a bank account': (r) =>
      `IBAN DE${chars(r, digits, 2)} ${[1, 2, 3, 4].map(() => chars(r, digits, 4)).join(' ')} ${chars(r, digits, 2)}`,
    'a row of years': (r) => `${[0, 1, 2, 3].map((year) => 1980 + r(60) + year).join(' ')}`,
    'figures of a table': (r) => `| ${[1, 2, 3, 4].map(() => chars(r, digits, 4)).join(' | ')} |`,
    'a time stamp': (r) => `at 2026-11-${10 + r(20)}T${10 + r(14)}:${10 + r(50)}:00.${chars(r, digits, 6)}Z`,
    'a rule about passwords': (r) => `Password: at least ${8 + r(10)} characters, one of them a digit; token: see chapter ${r(9)}.${r(9)}.`,
    'a placeholder': (r) =>
      pick(r, ['password: ********', 'api_key=${API_KEY}', 'password=<password>', 'secret: {{ secret }}', 'postgres://app:${PW}@db/app']),
    'a reference to a secret': (r) =>
      pick(r, [
        'password: /run/secrets/db_password',
        'token: process.env.IMPORT_TOKEN',
        'secret = config.get_secret',
        'api_key: vault://kv/import',
      ]),
    'a setting': (r) => `max_tokens: ${1000 + r(100_000)}\ntoken_count = ${r(1e6)}\nkey: value${r(9)}`,
    'a URL': (r) => `https://example.com:8443/a/${chars(r, hex, 24)}?page=${r(99)}#top`,
    'an address': (r) => `${chars(r, lower, 8)}@example.com wrote ${r(90)} times`,
    'a picture': (r) => `data:image/png;base64,iVBORw0KGgo${chars(r, base64, 200)}`,
    'a prefix': (r) =>
      `Prefixes dp.pt., hvs., key-value-${r(99)}, tskey-auth, lin_api_, SK-${chars(r, digits, 6)}, ?sig=${r(99)}, "d": "${chars(r, lower, 12)}"`,
    'a part number': (r) => `sk-${chars(r, digits, 4)}-${chars(r, upper, 2)}, npm_config_loglevel, hf_transfer, SG.${chars(r, digits, 3)}`,
  };
  return Object.entries(makers).flatMap(([what, make]) => Array.from({ length: perKind }, () => ({ what, text: make(random) })));
}
