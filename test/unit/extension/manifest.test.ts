import assert from 'node:assert/strict';
import { access, readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { defaultDeviceSettings } from '../../../src/device/openDevice';
import { deviceSettings } from '../../../src/extension/host/settings';
import * as ids from '../../../src/extension/manifest';

const root = path.resolve(__dirname, '../../..');
const menuEntry = z.object({
  command: z.string(),
  when: z.string().optional(),
  group: z.string().optional(),
});
const manifestSchema = z.object({
  name: z.string(),
  publisher: z.string(),
  icon: z.string(),
  activationEvents: z.array(z.string()),
  contributes: z.object({
    commands: z.array(z.object({ command: z.string(), title: z.string(), category: z.string() })),
    viewsContainers: z.object({ activitybar: z.array(z.object({ id: z.string(), icon: z.string() })) }),
    views: z.record(z.string(), z.array(z.object({ id: z.string(), name: z.string(), icon: z.string() }))),
    viewsWelcome: z.array(z.object({ view: z.string(), contents: z.string(), when: z.string().optional() })),
    menus: z.record(z.string(), z.array(menuEntry)),
    keybindings: z.array(z.object({ command: z.string(), key: z.string() })),
    configuration: z.object({
      properties: z.record(
        z.string(),
        z.object({ scope: z.string(), default: z.unknown(), ignoreSync: z.boolean().optional() }),
      ),
    }),
    walkthroughs: z.array(
      z.object({
        steps: z.array(
          z.object({
            description: z.string(),
            media: z.object({ markdown: z.string() }),
            completionEvents: z.array(z.string()),
          }),
        ),
      }),
    ),
  }),
});

describe('the manifest', () => {
  let text: string;
  let manifest: z.infer<typeof manifestSchema>;
  let strings: Record<string, string>;

  before(async () => {
    text = await readFile(path.join(root, 'package.json'), 'utf8');
    manifest = manifestSchema.parse(JSON.parse(text));
    const nls = await readFile(path.join(root, 'package.nls.json'), 'utf8');
    strings = z.record(z.string(), z.string()).parse(JSON.parse(nls));
  });

  it('contributes the commands that the code knows, all in one category', () => {
    const contributed = manifest.contributes.commands.map(({ command }) => command);
    assert.deepEqual([...contributed].sort(), [...ids.commandIds].sort());
    assert.ok(manifest.contributes.commands.every(({ category }) => category === '%category%'));
    assert.equal(strings['category'], 'Scratch');
  });

  it('contributes the container and the views that the code knows', () => {
    assert.deepEqual(
      manifest.contributes.viewsContainers.activitybar.map(({ id }) => id),
      [ids.containerId],
    );
    assert.deepEqual(
      manifest.contributes.views[ids.containerId]?.map(({ id }) => id),
      Object.values(ids.viewIds),
    );
  });

  it('contributes the settings that the code reads, none of which a workspace can set', () => {
    const { properties } = manifest.contributes.configuration;
    const keys = Object.values(ids.settingKeys).map(key => `${ids.settingsSection}.${key}`);
    assert.deepEqual(Object.keys(properties).sort(), [...keys].sort());
    const resource = `${ids.settingsSection}.${ids.settingKeys.notesDefaultLanguage}`;
    for (const [key, { scope }] of Object.entries(properties)) {
      assert.equal(scope, key === resource ? 'resource' : 'application', key);
    }
    assert.equal(properties[`${ids.settingsSection}.${ids.settingKeys.serverUrl}`]?.ignoreSync, true);
  });

  it('has the defaults that the code has for settings that are not set', () => {
    const { properties } = manifest.contributes.configuration;
    const ofManifest = deviceSettings(key => properties[`${ids.settingsSection}.${key}`]?.default);
    const unset = deviceSettings(() => undefined);
    assert.deepEqual(ofManifest, unset);
    assert.deepEqual(unset, defaultDeviceSettings);
  });

  it('names only what exists, in menus, keys, welcomes and conditions', () => {
    const known = new Set<string>([...ids.commandIds, ...Object.values(ids.viewIds), ids.containerId]);
    const keys = new Set<string>(Object.values(ids.contextKeys));
    const settings = new Set(Object.values(ids.settingKeys).map(key => `${ids.settingsSection}.${key}`));
    const named = [...`${text}${JSON.stringify(strings)}`.matchAll(/scratchSync[.:][\w.]+/g)].map(
      ([name]) => name,
    );
    const foreign = named.filter(name => !known.has(name) && !keys.has(name) && !settings.has(name));
    assert.deepEqual(foreign, []);
  });

  it('keeps every string that a person reads in package.nls.json, and no other', () => {
    const used = [...text.matchAll(/"%([^%]+)%"/g)].map(([, key]) => key);
    assert.deepEqual([...new Set(used)].sort(), Object.keys(strings).sort());
    const { commands, viewsWelcome, walkthroughs } = manifest.contributes;
    const shown = [
      ...commands.map(({ title }) => title),
      ...viewsWelcome.map(({ contents }) => contents),
      ...walkthroughs.flatMap(({ steps }) => steps.map(({ description }) => description)),
    ];
    assert.deepEqual(
      shown.filter(each => !/^%[^%]+%$/.test(each)),
      [],
    );
  });

  it('names pictures and pages that are there', async () => {
    const { viewsContainers, walkthroughs } = manifest.contributes;
    const files = [
      manifest.icon,
      ...viewsContainers.activitybar.map(({ icon }) => icon),
      ...walkthroughs.flatMap(({ steps }) => steps.map(({ media }) => media.markdown)),
    ];
    await Promise.all(files.map(file => access(path.join(root, file))));
  });

  it('gives one key to the capture of a note', () => {
    const capture = manifest.contributes.keybindings.filter(({ command }) =>
      command.startsWith('scratchSync.new'),
    );
    assert.equal(new Set(capture.map(({ key }) => key)).size, 1);
  });

  it('is the extension that the code calls itself', () => {
    assert.equal(`${manifest.publisher}.${manifest.name}`, ids.extensionId);
  });

  it('has each command made by one file of the code', async () => {
    const folder = path.join(root, 'src/extension');
    const files = (await readdir(folder, { recursive: true })).filter(
      file => /\.ts$/.test(file) && file !== 'manifest.ts',
    );
    const sources = await Promise.all(files.map(file => readFile(path.join(folder, file), 'utf8')));
    for (const id of [...ids.commandIds, ...ids.internalCommandIds]) {
      const made = new RegExp(`(readonly id = |register\\(|parts, )'${id.replaceAll('.', '\\.')}'`);
      assert.equal(sources.filter(source => made.test(source)).length, 1, id);
    }
  });
});
