import type { Category } from '../requirement.ts';

/**
 * What a requirement is about, by the words in it and in the headings above: the nearest heading says most, since a sentence often takes its
 * topic for granted. A first guess for sorting; the README tells how often it agrees with a person. English only.
 * @param headings the highest first
 */
export function categoryOf(sentence: string, headings: readonly string[]): Category {
  const nearest = headings.at(-1) ?? '';
  const above = headings.slice(0, -1).join('\n');
  const scores = topics.map(({ words }) => 2 * countOf(sentence, words) + 3 * countOf(nearest, words) + countOf(above, words));
  const best = Math.max(...scores);
  return best === 0 ? 'other' : (topics[scores.indexOf(best)] as Topic).category;
}

interface Topic {
  category: Category;
  words: RegExp;
}

/** A word that comes ten times says no more than one that comes twice. */
const countOf = (text: string, words: RegExp) => Math.min(2, text.match(words)?.length ?? 0);

/** Words parted by commas. */
const topic = (category: Category, ...words: string[]): Topic => ({
  category,
  words: new RegExp(`\\b(?:${words.flatMap((line) => line.split(', ')).join('|')})\\b`, 'gi'),
});

/** Among equals the first counts. */
const topics: readonly Topic[] = [
  topic(
    'security',
    String.raw`encrypt\w*, (?:cyber)?security, password\w*, authenticat\w*, access control, access rights, vulnerabilit\w*`,
    String.raw`penetration tests?, firewall\w*, malware, intrusion, (?:audit )?logs?, credentials?, multi-factor`,
    String.raw`breach\w*, background checks?, tls, keys, least privilege, administrative rights, remote access`,
    String.raw`iso/iec 27001, soc 2`,
  ),
  topic(
    'privacy',
    String.raw`personal(?:ly identifiable)? (?:data|information), privacy, data subjects?, pseudonym\w*, anonymi[sz]\w*`,
    String.raw`data protection`,
  ),
  topic(
    'commercial',
    String.raw`pric(?:e|es|ing|ed), invoic\w*, payments?, paid, pays?, costs?, fees?, discounts?, taxes, currency, rates`,
    String.raw`purchase orders?, travel expenses, performance bond, bid bond, retainage, liquidated damages, compensation`,
  ),
  topic(
    'legal',
    String.raw`insur\w*, indemnif\w*, liabilit\w*, liable, terminat\w*, intellectual property, ownership`,
    String.raw`warrant(?:s|y|ies)?, governing law, confidential\w*, conflicts? of interest, lobbying, laws?, regulations?`,
    String.raw`statut\w*, ordinances?, accessibility, escrow, source code, debarred, federal, audit, written consent`,
    String.raw`disputes?, trade secrets?, assign(?:ed|ment), permits?`,
  ),
  topic(
    'training',
    String.raw`train(?:ing|ed|er|ers|s)?, curriculum, courses?, instructors?, classroom, workshops?, participants`,
    String.raw`refresher`,
  ),
  topic(
    'staffing',
    String.raw`personnel, staff, project team, key persons?, project manager, r[ée]sum[ée]s?, qualifications?`,
    String.raw`years of experience, experience, subcontract\w*, technicians?, certificates? required, organization`,
  ),
  topic('quality', String.raw`acceptance, tests?, testing, tested, defects?, quality, inspect\w*, verif(?:y|ied|ication), calibrat\w*`),
  topic('reporting', String.raw`reports?, reporting, dashboards?, meetings?, progress, analysis, statistics`),
  topic(
    'service',
    String.raw`service desk, help ?desk, service levels?, sla, availability, uptime, response times?, severity`,
    String.raw`maintenance, on-call, outages?, spare parts?, repair(?:s|ed)?, service credits?, workaround, releases?`,
    String.raw`support, service reviews?`,
  ),
  topic(
    'delivery',
    String.raw`milestones?, deliver(?:y|able|ables), install(?:s|ed|ation|ations|ers)?, implementation, migrat\w*`,
    String.raw`cut-?over, go-live, roll-?out, transition, mobili[sz]\w*, completion, work plan, project plan`,
    String.raw`documentation, kick-?off, hand over`,
  ),
  topic(
    'technical',
    String.raw`technical, interfaces?, apis?, integrat\w*, protocols?, databases?, servers?, host(?:ed|ing), cloud`,
    String.raw`networks?, bandwidth, hardware, equipment, standards, performance, capacity, latency, concurrent\w*`,
    String.raw`scalab\w*, backups?, browsers?, operating systems?, architecture, json, xml, milliseconds, voltage`,
    String.raw`temperatures?, firmware, cables?, megabits?, gigabytes?`,
  ),
  topic(
    'functional',
    String.raw`functional, functions?, users?, display\w*, shown?, search\w*, calculat\w*, notif(?:y|ies|ication|ications)`,
    String.raw`workflows?, screens?, import\w*, export\w*, filter\w*, maps?, alerts?, alarms?, messages?, select\w*`,
    String.raw`configur\w*`,
  ),
  topic(
    'submission',
    String.raw`proposals?, offerors?, proposers?, bidders?, respondents?, bids?, sealed, envelopes?, cover letter`,
    String.raw`addend(?:a|um), pre-proposal, pages?, font, forms?, references, submission, procurement officer, data room`,
    String.raw`checklist`,
  ),
];
