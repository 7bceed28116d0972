import { counted } from '../../base/amounts';
import { ok } from '../../base/result';
import type { Check } from './examination';
import { sound, trouble } from './finding';

const check = 'file';

/** The pages and indexes of the file, and how it is worked on. */
export const checkFile: Check = async ({ database, mend }) => {
  const problems = await database.integrityCheck();
  if (!problems.ok) return problems;
  if (problems.value.length > 0) {
    const onlyIndexes = problems.value.every(problem => indexProblem.test(problem));
    const found = `The file is damaged: ${problems.value.slice(0, maxQuotedProblems).join('; ')}.`;
    if (mend) {
      const mended = onlyIndexes ? await database.rebuildIndexes() : await database.quickCheck();
      if (!mended.ok) return mended;
    }
    const how = onlyIndexes ? rebuildMend : recoverMend;
    return ok([trouble(check, 'error', found, { mend: how, mended: mend })]);
  }
  const stats = await database.stats();
  if (!stats.ok) return stats;
  const { mode, fileBytes } = stats.value;
  const size = `${(fileBytes / 1024 / 1024).toFixed(1)} MiB`;
  const isSound = sound(check, `The file is sound: every page of its ${size} was looked at.`);
  if (mode === 'file') return ok([isSound]);
  return ok([isSound, trouble(check, 'warning', safeModeFound, undefined)]);
};

const indexProblem =
  /missing from index|wrong # of entries in index|non-unique entry in index|rowid .* index/i;
const maxQuotedProblems = 3;
const rebuildMend = 'Builds the indexes anew from the tables. Nothing is lost.';
const recoverMend =
  'Keeps the damaged file under another name, and goes on with everything that can be read of it. ' +
  'The next sync brings back what the server has.';
const safeModeFound =
  'Safe mode is on: the whole store is written at every save, because this editor cannot work on the file itself. ' +
  'It is slower, and nothing is lost by it. An update of the extension or the editor may end it.';

/** Unused space, which a vacuum gives back. */
export const checkSpace: Check = async ({ database, mend }) => {
  const stats = await database.stats();
  if (!stats.ok) return stats;
  const { freePageCount, pageCount } = stats.value;
  if (pageCount < minPages || freePageCount < pageCount / 2) {
    return ok([sound('space', `${counted(freePageCount, 'page')} of ${pageCount} are unused.`)]);
  }
  if (mend) {
    const freed = await database.vacuum();
    if (!freed.ok) return freed;
  }
  return ok([
    trouble('space', 'warning', 'More than half of the file is unused space.', {
      mend: 'Gives the unused space back to the disk.',
      mended: mend,
    }),
  ]);
};

const minPages = 1000;
