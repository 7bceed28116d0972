import type { Finding } from '../../store/doctor/finding';
import type { FindingJson } from '../json';

export function findingJson({ mend, ...finding }: Finding): FindingJson {
  return { ...finding, ...(mend === undefined ? {} : { mend }) };
}
