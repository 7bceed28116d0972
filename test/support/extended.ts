/** True in the extended mode (`EXTENDED=1`), in which tests with chance or faults go many more rounds. */
export const isExtended = process.env['EXTENDED'] === '1';
