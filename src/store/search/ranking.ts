/**
 * How well an item answers a query, by where and how often each phrase stands in it: BM25F's saturation and length
 * normalisation (Robertson, Zaragoza, Taylor, "Simple BM25 extension to multiple weighted fields", 2004). Every hit
 * holds every word, so the rarity of a word tells hits apart but little; it is left out, since FTS4 would have to read
 * every occurrence in the store to know it.
 * @param matchinfo FTS4's answer to `matchinfo(search, 'pcayl')` (sqlite.org/fts3.html#matchinfo)
 */
export function relevance(matchinfo: Uint8Array): number {
  const numbers = new DataView(matchinfo.buffer, matchinfo.byteOffset, matchinfo.byteLength);
  const at = (index: number) => numbers.getUint32(index * 4, true);
  const phrases = at(0);
  const columns = at(1);
  const averageAt = 2;
  const hitsAt = averageAt + columns;
  const lengthAt = hitsAt + phrases * columns;
  let sum = 0;
  for (let phrase = 0; phrase < phrases; phrase++) {
    let weighted = 0;
    for (let column = 0; column < columns; column++) {
      const hits = at(hitsAt + phrase * columns + column);
      if (hits === 0) continue;
      const length = at(lengthAt + column) / Math.max(1, at(averageAt + column));
      weighted += ((columnWeights[column] ?? 1) * hits) / (1 - lengthShare + lengthShare * length);
    }
    sum += weighted / (saturation + weighted);
  }
  return sum;
}

/** What a hit in the title, in the labels and in the body is worth. */
const columnWeights = [20, 10, 1];
/** BM25's usual b and k1. */
const lengthShare = 0.75;
const saturation = 1.2;
