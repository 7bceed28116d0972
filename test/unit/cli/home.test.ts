import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import path from 'node:path';
import { homeFolder } from '../../../src/cli/home';

describe("the terminal's home folder", () => {
  it('is the option, else the variable', () => {
    assert.equal(homeFolder('/a', { SCRATCH_HOME: '/b' }), path.resolve('/a'));
    assert.equal(homeFolder(undefined, { SCRATCH_HOME: '/b' }), path.resolve('/b'));
    assert.equal(homeFolder('here', {}), path.resolve('here'));
  });

  it("is else in the platform's place for data", () => {
    assert.equal(homeFolder(undefined, { XDG_DATA_HOME: '/data' }, 'linux'), '/data/scratch-sync');
    assert.equal(homeFolder(undefined, {}, 'linux'), path.join(homedir(), '.local/share/scratch-sync'));
    assert.equal(
      homeFolder(undefined, {}, 'darwin'),
      path.join(homedir(), 'Library/Application Support/scratch-sync'),
    );
    assert.equal(homeFolder(undefined, { LOCALAPPDATA: '/local' }, 'win32'), '/local/scratch-sync');
  });
});
