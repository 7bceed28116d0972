import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { minuteMs } from '../../src/base/time';
import { runOrExplain } from './commands';

export interface ChromiumPaths {
  readonly executable: string;
  /** What the executable needs beside the environment that it is started in. */
  readonly environment: Readonly<Record<string, string>>;
}

/** The unpacked Chromium of an install, or the one that `CHROMIUM` names. */
export function chromiumPaths(folder: string): ChromiumPaths {
  const given = process.env['CHROMIUM'];
  if (given) return { executable: given, environment: {} };
  const unpacked = unpackedFolder(folder);
  return {
    executable: path.join(unpacked, 'chromium'),
    environment: {
      LD_LIBRARY_PATH: path.join(unpacked, 'al2023/lib'),
      FONTCONFIG_FILE: path.join(unpacked, 'fonts/fonts.conf'),
    },
  };
}

/**
 * Unpacks the Chromium of `@sparticuz/chromium` under `folder`. The package does it itself, into its temporary folder,
 * and adds the shared libraries that a bare system lacks when `AWS_EXECUTION_ENV` names such a system. Fonts are put
 * beside it, so that pictures look the same everywhere and code is monospaced.
 */
export async function unpackChromium(folder: string, node: string, logFile: string): Promise<void> {
  const unpacked = unpackedFolder(folder);
  await mkdir(unpacked);
  await runOrExplain('Chromium could not be unpacked', {
    file: node,
    args: [
      '--input-type=module',
      '--eval',
      "import chromium from '@sparticuz/chromium'; await chromium.executablePath();",
    ],
    folder,
    environment: { ...process.env, TMPDIR: unpacked, AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs22.x' },
    logFile,
    limitMs: 5 * minuteMs,
  });
  const dejaVu = path.join(folder, 'node_modules/dejavu-fonts-ttf/ttf');
  for (const font of [
    'DejaVuSans.ttf',
    'DejaVuSansMono.ttf',
    'DejaVuSansMono-Bold.ttf',
    'DejaVuSansMono-Oblique.ttf',
  ]) {
    await copyFile(path.join(dejaVu, font), path.join(unpacked, 'fonts', font));
  }
  await writeFile(path.join(unpacked, 'fonts/fonts.conf'), fontConfiguration);
}

/** Our fonts for the generic families; the system's, where there are any, for scripts that ours lack. */
const fontConfiguration = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">.</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir prefix="xdg">fontconfig</cachedir>
  ${family('monospace', ['DejaVu Sans Mono'])}
  ${family('sans-serif', ['Open Sans', 'DejaVu Sans'])}
  ${family('system-ui', ['Open Sans', 'DejaVu Sans'])}
</fontconfig>
`;

function family(generic: string, fonts: readonly string[]): string {
  const names = fonts.map(font => `<string>${font}</string>`).join('');
  return `<match target="pattern">
    <test qual="any" name="family"><string>${generic}</string></test>
    <edit name="family" mode="prepend" binding="strong">${names}</edit>
  </match>`;
}

function unpackedFolder(folder: string): string {
  return path.join(folder, 'chromium');
}
