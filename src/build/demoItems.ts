/** The arguments of `scratch add` for each sample item of the demo account. */
export const demoItems: readonly (readonly string[])[] = [
  [
    ...['note', 'Release checklist', '--folder', 'work', '--tags', 'release', '--pin', '--body'],
    `# Release checklist

- [ ] Tests are green on main
- [ ] Changelog says what a user will notice
- [ ] Tag, build, publish
- [ ] Look at the error rate for ten minutes
`,
  ],
  [
    ...['note', 'Questions for the next stand-up', '--folder', 'work', '--body'],
    `- Who owns the flaky login test?
- Can we drop Node 18?
`,
  ],
  [
    ...['note', 'Handy one-liners', '--tags', 'shell,git', '--body'],
    `# Handy one-liners

    git log --oneline --graph --since=yesterday
    lsof -iTCP -sTCP:LISTEN -n -P
    jq -r '.items[].title' export.json
`,
  ],
  [
    ...['snippet', 'Measure a block', '--prefix', 'measure', '--languages', 'typescript,javascript'],
    ...['--description', 'Logs how long a block takes', '--body'],
    `const startedMs = performance.now();
$0
console.log(\`\${1:what} took \\\${(performance.now() - startedMs).toFixed(1)} ms\`);
`,
  ],
  [
    ...['snippet', 'Table-driven test', '--prefix', 'cases', '--languages', 'typescript', '--body'],
    `const cases: readonly (readonly [\${1:string}, \${2:number}])[] = [
  [$3],
];
for (const [input, expected] of cases) {
  it(\`gives \\\${expected} for \\\${input}\`, () => {
    assert.equal(\${4:run}(input), expected);
  });
}
`,
  ],
  [
    ...['config', 'Editor settings', '--target', 'settings', '--body'],
    `{
  // The same on every machine.
  "editor.formatOnSave": true,
  "editor.rulers": [100],
  "files.trimTrailingWhitespace": true
}
`,
  ],
];
