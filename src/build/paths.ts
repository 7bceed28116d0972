import path from 'node:path';

export const repositoryFolder = path.resolve(__dirname, '../..');
export const sourceFolder = path.join(repositoryFolder, 'src');
export const distFolder = path.join(repositoryFolder, 'dist');

/** A command of one of the checkout's own packages, as arguments of `node`. */
export function toolArguments(packagePath: string, args: readonly string[]): readonly string[] {
  return [path.join(repositoryFolder, 'node_modules', packagePath), ...args];
}
