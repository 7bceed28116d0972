import { scenarios } from './scenarios';

describe('scenes between devices', () => {
  for (const [name, play] of Object.entries(scenarios)) it(name, play);
});
