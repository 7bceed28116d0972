import type { JsonContainer, Trivia } from './jsonDocument';
import type { Three } from './order';

/** The pieces of an object or array that is about to be written. */
export interface ContainerText {
  readonly type: JsonContainer['type'];
  readonly header: Trivia;
  readonly members: readonly MemberText[];
  readonly footer: Trivia;
  readonly trailingComma: boolean;
}

export interface MemberText {
  readonly lead: Trivia;
  readonly name: Trivia;
  readonly value: string;
  readonly gap: Trivia;
  readonly tail: Trivia;
  /** The one side that has it, or both. */
  readonly from: 'earlier' | 'later' | 'both';
  /** True when it stands first where its pieces were taken from. */
  readonly wasFirst: boolean;
}

/**
 * Joins the pieces of a merged container. What comes from a text of another layout is fitted in: each member on a line
 * of its own, or all on one line.
 */
export function containerText(parts: ContainerText, versions: Three<JsonContainer>): string {
  const [open, close] = parts.type === 'object' ? '{}' : '[]';
  const layouts = { earlier: layoutOf(versions.earlier), later: layoutOf(versions.later) };
  const layout = mergeLayout(versions, layouts);
  const isForeign = ({ from }: MemberText) =>
    from !== 'both' && layouts[from].isMultiline !== layout.isMultiline;
  const last = parts.members.length - 1;
  let text = `${open}${parts.header.text}`;
  let before = parts.header;
  for (const [index, member] of parts.members.entries()) {
    text += afterPiece(before, fittedLead(member, index, isForeign(member), layout), layout);
    text += `${member.name.text}${member.value}${member.gap.text}`;
    text += index < last || parts.trailingComma ? `,${member.tail.text}` : member.tail.text;
    before = member.tail;
  }
  return `${text}${afterPiece(before, fittedFooter(parts, layout), layout)}${close}`;
}

interface Layout {
  /** True when some member starts a line. */
  readonly isMultiline: boolean;
  /** The white space before the first member. */
  readonly first: string;
  /** The white space before another member. */
  readonly lead: string;
  readonly footer: string;
}

/** The later side's layout, unless only the earlier side's differs in kind from the base's. */
function mergeLayout(
  { base, earlier, later }: Three<JsonContainer>,
  layouts: Readonly<Record<'earlier' | 'later', Layout>>,
): Layout {
  if (later.members.length === 0) return layouts.earlier;
  if (base === undefined || earlier.members.length === 0) return layouts.later;
  return layouts.later.isMultiline === layoutOf(base).isMultiline &&
    layouts.earlier.isMultiline !== layouts.later.isMultiline
    ? layouts.earlier
    : layouts.later;
}

function layoutOf({ members, footer }: JsonContainer): Layout {
  const leads = members.map(member => member.lead);
  const line = leads.find(lead => startsLine(lead.text));
  if (line !== undefined) {
    const lead = lastLine(line.text);
    return { isMultiline: true, first: lead, lead, footer: lastLine(footer.text) };
  }
  const plain = (trivia: Trivia | undefined, otherwise: string) =>
    trivia === undefined || trivia.comments.length > 0 ? otherwise : trivia.text;
  return {
    isMultiline: false,
    first: plain(leads[0], ''),
    lead: plain(leads[1], ' '),
    footer: plain(footer, ''),
  };
}

/** The last line feed and what follows it; all of the text when there is none. */
const lastLine = (text: string) => text.slice(Math.max(text.lastIndexOf('\n'), 0));

const startsLine = (text: string) => text.includes('\n');

function fittedLead(
  { lead, wasFirst }: MemberText,
  index: number,
  isForeign: boolean,
  layout: Layout,
): string {
  if (lead.comments.length > 0) return lead.text;
  const isMoved = !startsLine(lead.text) && wasFirst !== (index === 0);
  if (!isForeign && !isMoved) return lead.text;
  return index === 0 ? layout.first : layout.lead;
}

function fittedFooter({ members, footer }: ContainerText, layout: Layout): string {
  if (footer.comments.length > 0 || members.length === 0) return footer.text;
  return startsLine(footer.text) === layout.isMultiline ? footer.text : layout.footer;
}

/** The next piece; on a line of its own when the piece before it ends in a comment that only a line's end closes. */
function afterPiece(before: Trivia, next: string, layout: Layout): string {
  const isOpen = before.comments.at(-1)?.startsWith('//') === true && !/^[ \t\r]*\n/.test(next);
  return isOpen ? `${layout.isMultiline ? layout.lead : '\n'}${next.trimStart()}` : next;
}
