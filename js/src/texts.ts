/**
 * Every word that the page shows or a screen reader reads, but for what Python says: labels, helps and choices of the
 * settings (kernel/contract.ts is made from them), names of measures, the status and its messages, and refusals.
 *
 * To translate the page, write this object anew in your language and build it: the keys and the arguments of its
 * functions stay, which `npx tsc --noEmit` checks, and all that stands in quotation marks changes. A function puts its
 * arguments where the language wants them. Numbers are written, and typed, as in English. The texts of one component
 * stand together, in the order of the files.
 */

/** A number with its noun; the number in groups of thousands. */
const plural = (count: number, one: string, many = `${one}s`): string =>
  `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

const FILTER_FORMS =
  'Write one filter ("3"), several ("3, 7"), a range ("0-4"), or nothing for all.';
const NOT_CONNECTED = "Not connected to a kernel";

export const TEXTS = {
  atlas: {
    sheet: "Pictures. Arrow keys move, Enter opens, Escape closes.",
    bar: "What is shown",
    search: "Search by label, layer, filter or checkpoint",
    searchFor: "Search",
    layer: "Layer",
    allLayers: "all",
    checkpoint: "Checkpoint",
    allCheckpoints: "all",
    checkpoints: "Checkpoints",
    sort: "Sort",
    sorts: { filter: "by filter", activation: "by activation", score: "by score" },
    grouped: "By layer",
    failures: "Failures only",
    shown: (count: string, of: string) => `${count} of ${of} shown`,
    /** While a sweep still makes some. */
    some: (count: string, expected: string) => `${count} of ${expected} pictures`,
    all: (count: number) => plural(count, "picture"),
    withFailed: (pictures: string, failed: number) =>
      `${pictures}, ${failed.toLocaleString("en")} failed`,
    progress: "Pictures made",
    noneYet: "There are no pictures yet. They come in as they are made.",
    noneFits: "No picture fits what is chosen above.",
    saved: "The first pictures, as they were when the notebook was saved",
    full: "Full screen",
    fullBack: "Leave full screen",
    pictureOf: (layer: string, filter: string) => `${layer}, filter ${filter}`,
    seed: (seed: number) => `seed ${seed}`,
    seedName: "Seed",
    activation: (value: string) => `activation ${value}`,
    activationName: "Activation",
    probability: "Probability",
    /** As the network was shown it, with transforms: the score card tells the same of the picture itself. */
    lastOf: (name: string) => `${name}, last iteration`,
    total: "Total loss",
    steps: "Iterations",
    failed: "failed",
    scored: (score: string) => `score ${score} of 3`,
    course: (name: string, from: string, to: string) => `${name} from ${from} to ${to}`,
    courses: (iterations: string, curves: readonly string[]) =>
      `Over ${iterations} iterations: ${curves.join(", ")}.`,
    close: "Close the picture",
    goOn: "Go on from it",
    goOnTitle: "Make a live widget beneath that goes on from this picture",
    opening: "The model is being made ready …",
    beneath: "A live widget goes on from it, beneath.",
    compared: "It is compared beneath, from the noise.",
    closeBeneath: "Close the run beneath",
    closeBeneathTitle: "Take away what stands beneath the sheet, and stop it",
    play: "Play",
    playTitle: "Play over the checkpoints",
    stop: "Stop",
    stopTitle: "Stop at this checkpoint",
    checkpointAt: (name: string, place: number, of: number) => `${name} (${place} of ${of})`,
    compareWith: "Compare with",
    compare: "Compare",
    compareTitle: "Run both beneath, in lock-step from the same noise",
  },
  columns: {
    total: "total",
    totalTitle: "The sum of the losses",
    lossOf: (label: string) => `${label} loss`,
    inPython: (name: string) => `In Python: history["${name}"]`,
    probability:
      "How sure the network is of the target, as it was shown the picture in this iteration.",
    activation:
      "How active the target itself is, without weight or sign: for a class its logit, before the softmax.",
    /** Goes after one of the two sentences before. */
    ofTerm: (term: string) => ` Of the term ${term}.`,
  },
  savedTiles: {
    filters: "Filters",
  },
  format: {
    seconds: (seconds: number) => `${seconds} s`,
    minutes: (minutes: number, seconds: number) => `${minutes} min ${seconds} s`,
    hours: (hours: number, minutes: number) => `${hours} h ${minutes} min`,
    rate: (rate: string | number) => `${rate} steps/s`,
    iteration: (iteration: number) => `iteration ${iteration}`,
    iterationOf: (iteration: number, goal: number) => `iteration ${iteration} / ${goal}`,
    left: (time: string) => `${time} left`,
  },
  buttons: {
    label: "Run control",
    names: {
      start: "Run",
      pause: "Pause",
      step: "Step",
      reset: "Reset",
      rewind: "Rewind",
      branch: "Branch",
    },
    titles: {
      start: "Run, or go on from here",
      pause: "Pause after the current step",
      step: "Make one step",
      reset: "Discard the picture and the losses",
      rewind: "Go back to the iteration at the cursor; what was made after it goes",
      branch: "Go on from the iteration at the cursor another way; what was made stays as a branch",
    },
  },
  chart: {
    empty: "Each iteration adds a point.",
    role: "chart",
    label: "Losses by iteration. Arrow keys move the cursor, Escape follows the newest.",
    log: "log",
    logTitle: "Symmetric logarithmic scale: small and large values at once",
    /** `values` are names with their numbers. */
    sentence: (iteration: string, isNewest: boolean, values: readonly string[]) => {
      const where = `Iteration ${iteration}${isNewest ? ", the newest" : ""}`;
      return values.length > 0 ? `${where}: ${values.join(", ")}.` : `${where}.`;
    },
  },
  compare: {
    tab: "Compare",
    pin: "Pin",
    pinTitle: "Keep this picture with its settings, to compare it with others and to go back to it",
    label: "Compared pictures",
    now: "Now",
    chosen: "Compared",
    how: "Shown as",
    sideBySide: "Side by side",
    sideBySideTitle: "Up to four pictures beside each other",
    curtain: "Curtain",
    curtainTitle: "Two pictures on top of each other, with a divider to drag",
    smooth: "Smooth",
    smoothTitle: "Blend neighbouring pixels, or show each as a square",
    fit: "Fit",
    fitTitle: "Fit all pictures",
    full: (most: number) => `At most ${most} are compared at once`,
    show: (name: string) => `Show ${name} among those compared`,
    goOn: "Go on from here",
    goOnFrom: (name: string) => `Go on from here: ${name}`,
    goOnTitle: (iteration: string) =>
      `Go back to iteration ${iteration}, with its settings; Run goes on from there`,
    remove: "Remove",
    removePin: (name: string) => `Remove ${name}`,
    rename: (name: string) => `Rename ${name}`,
    renameTitle: "Give this pin another name (F2, or a double click on the name)",
    newName: (name: string) => `New name of ${name}`,
    nameless: "A pin needs a name.",
    taken: (name: string) => `There is a pin “${name}” already.`,
    frame: (name: string) => `${name}: + and - zoom all, 0 fits, arrows move`,
    caption: (name: string, iteration: number) => `${name}, iteration ${iteration}`,
    iteration: (iteration: string) => `iteration ${iteration}`,
    since: (titles: string) => `Set otherwise since: ${titles}`,
    more: (count: number) => `and ${count} more`,
    /** What was measured, in the table. */
    measures: { iteration: "Iteration", activation: "Activation", probability: "Probability" },
    differs: "What differs",
    setting: "Setting",
    same: "They are of the same settings.",
    one: "Choose another one above to compare with.",
    all: "all",
    on: "on",
    off: "off",
  },
  controls: {
    on: "on",
    off: "off",
  },
  curtain: {
    divider: "Divider between the two pictures",
    hint: "Drag, or use the arrow keys",
    value: (left: string, right: string, share: number) =>
      `${left} on the left ${share} %, ${right} on the right`,
  },
  defaults: {
    back: (label: string, value: string) => `${label}: back to ${value}`,
    all: "All defaults",
    allTitle:
      "Parts, weights and numbers as the recipe has them; target and starting picture stay as they are",
  },
  drawer: {
    label: "More of this run",
  },
  fields: {
    /** What was given in Python and has no name. */
    own: "own",
    clip: (low: number, high: number | undefined) => `Clip to ${low} … ${high}`,
  },
  film: {
    label: "Film of the run",
    title: "Look back: click or drag along the run",
    where: (iteration: string, of: string) => `iteration ${iteration} of ${of}`,
    newest: (where: string) => `${where}, the newest`,
  },
  filters: {
    missing: `A number is missing. ${FILTER_FORMS}`,
    unknown: (part: string) => `"${part}" is not a filter. ${FILTER_FORMS}`,
    backwards: (part: string, first: number, last: number) =>
      `"${part}" runs backwards. Write ${last}-${first}.`,
    outside: (index: number, count: number, layer: string) =>
      `There is no filter ${index}: layer ${layer} has ${
        count === 1 ? "only filter 0" : `filters 0 to ${count - 1}`
      }.`,
  },
  inputRange: {
    ends: { low: "low", high: "high" },
    order: (low: number, high: number) =>
      `The low end, ${low}, must be below the high end, ${high}.`,
    noNumber: (end: string, example: string) =>
      `The ${end} end is not a number. Write one, such as ${example}.`,
  },
  knobs: {
    title: "Numbers of the recipe",
  },
  layers: {
    placeholder: "Search by name or type",
    search: "Search the layers",
    label: "Layers",
    none: "No layer is called that",
    count: (count: number) => plural(count, "layer"),
    views: "Show the layers as",
    tree: "Tree",
    treeTitle: "The layers in a list, those inside of others beneath them",
    map: "Map",
    mapTitle: "How the layers hang together, from the input to the output",
    title: (layer: string) => `Look into ${layer}`,
    parameters: (count: number) => plural(count, "parameter"),
  },
  legend: {
    label: "Curves",
    /** The number stands after it. */
    iteration: "iteration ",
  },
  lines: {
    label: "Branches",
    origin: (parent: string, iteration: string) => `left ${parent} at ${iteration}`,
    inFront: "in front",
    waits: (iteration: string) => `waits at ${iteration}`,
  },
  lockstep: {
    title: (one: string, other: string) => `${one} and ${other}, in lock-step`,
    names: { start: "Run", pause: "Pause", step: "Step", reset: "Reset" },
    titles: {
      start: "Run both, or go on from here",
      pause: "Pause both, at the same iteration",
      step: "Make one step of both",
      reset: "Discard both pictures, and begin with the same noise",
    },
    control: "Run control of both",
    iterations: "Iterations of both",
    difference: (one: string, other: string) => `Difference: ${one} − ${other}`,
    rms: (percent: string) => `${percent} % of the input range (root mean square)`,
    scale: (one: string, other: string, percent: string) =>
      `white: ${one} is lighter by ${percent} % or more, black: ${other} is; grey: the same`,
    described: (difference: string, rms: string) => `${difference}, ${rms}`,
    lost: "Not connected to a kernel. Run the cell again.",
  },
  looks: {
    weights: "Weights",
    weightsTitle: "Show the weights of this layer as pictures",
    weightsOf: (filter: string | number) => `Weights of filter ${filter}`,
    filter: (filter: string | number) => `Filter ${filter}`,
    legend: (count: number, of: number) =>
      `Grey is no weight, light counts for and dark against the filter${
        count < of ? `. The first ${count} of ${of}.` : "."
      }`,
    response: "Response to the picture",
    responseTitle: "Show where in the present picture the chosen filters answer",
    start: "to the starting picture",
    startTitle: "Show where in the starting picture the chosen filters answer",
    ofStart: "the starting picture",
    ofIteration: (iteration: number) => `the picture of iteration ${iteration}`,
    /** `whose` is a layer and its filters, `of` one of the two before. */
    answer: (whose: string, low: string, high: string, places: string, of: string) =>
      `${whose}: ${low} (clear) to ${high} (orange) at ${places} places of ${of}.`,
  },
  map: {
    label: "Map",
    list: "Layers along the map: arrows follow what flows, Enter chooses, + and - zoom, 0 fits",
    asking: "The kernel is asked for the map…",
    zoom: "Zoom the map",
    leftOut: (count: string, layer: string) =>
      `${count} more layers are left out, which would be too many for a map: it shows those around ${layer}. The tree has all.`,
    /** Of which layers it takes the output. */
    from: (layers: readonly string[]) => `from ${layers.join(" and ")}`,
    again: (first: string) => `the same layer as ${first}`,
    why: (layer: string, reason: string) => `${layer}: ${reason}`,
  },
  notes: {
    of: (count: number) => `1 of ${count}`,
    dismiss: "Dismiss",
    dismissTitle: "Do not show this note again in this run",
  },
  partChoices: {
    label: "Parts",
    names: {
      parametrization: "Parametrization",
      optimizer: "Optimizer",
      transforms: "Transforms",
    },
    helps: {
      parametrization: "What the gradient is taken by, and how the picture comes from it.",
      optimizer: "How the picture follows from its gradient.",
      transforms: "What the network is shown instead of the picture, drawn anew at each step.",
    },
    choice: "Transform to add",
    add: "Add",
    addTitle: "Add this transform after the others",
    remove: (label: string) => `Remove ${label}`,
  },
  past: {
    newest: "Newest",
    newestTitle: "Show the newest picture (Escape)",
    where: (iteration: string, of: string) => `iteration ${iteration} of ${of}`,
    nearest: (where: string, iteration: string) => `${where}, picture of ${iteration}`,
  },
  picture: {
    none: "No picture yet",
    caption: (subject: string, iteration: number) => `${subject}, iteration ${iteration}`,
    captionBest: (caption: string) => `${caption}, the best so far`,
    objective: (terms: string) => `Objective ${terms}`,
    layer: (layer: string, filters: string) => `Layer ${layer}, ${filters}`,
    allFilters: "all filters",
    filters: (count: number, filters: string) => `filter${count === 1 ? "" : "s"} ${filters}`,
    frame: "Picture: + and - zoom, 0 fits, arrows move",
    frameTitle: "Ctrl and wheel, two fingers, or + and - zoom; 0 fits",
    /** Over the picture, while a file is dragged over it. */
    drop: "Start from this picture",
    zoom: "Zoom",
    smaller: "Smaller",
    fit: "Fit",
    larger: "Larger",
    full: "Full screen",
    leaveFull: "Leave full screen",
    save: "Save PNG",
    saveTitle: "Save the picture as it is shown, in its own resolution",
    smooth: "Smooth",
    smoothTitle: "Blend neighbouring pixels, or show each as a square",
    best: "Best",
    bestTitle: "Show the picture of the lowest total loss so far",
    bestOf: (iteration: string) => `best: iteration ${iteration}`,
    probability: (value: string) => `p ${value}`,
    logit: (value: string) => `logit ${value}`,
    activation: (value: string) => `activation ${value}`,
    grey: "grey",
    pixel: (x: number, y: number, kind: string, values: string) =>
      `x ${x}, y ${y} · ${kind} ${values}`,
  },
  position: {
    middle: "Middle",
    middleTitle: "Only the place in the middle of the map",
    whole: "Whole map",
    wholeTitle: "All places of the map",
    of: (sides: string) => `of ${sides}`,
    problem: (text: string, example: string | undefined) =>
      `"${text}" is not a place. Write one ("${example}"), or nothing for the whole map.`,
  },
  progress: {
    label: "Iterations",
    /** What a click has set going. */
    pending: {
      start: "starting …",
      pause: "pausing …",
      step: "stepping …",
      reset: "resetting …",
      rewind: "going back …",
      branch: "branching …",
      make_tiles: "starting the tiles …",
      pause_tiles: "pausing the tiles …",
      resume_tiles: "going on with the tiles …",
      close_tiles: "closing the tiles …",
    },
  },
  shortcuts: {
    label: "Keys",
    title: "Keys (?)",
    /** Keys, and what they do. */
    run: ["Space", "run or pause"],
    rewind: ["R", "rewind to the cursor"],
    branch: ["B", "branch from the cursor"],
    zoom: ["+ − 0", "zoom the picture, or fit it"],
    arrows: ["Arrows", "move in what has the focus"],
    reset: ["Double click", "on a name or a slider: its default"],
    list: ["?", "this list"],
  },
  slider: {
    value: (label: string) => `${label} value`,
    /** Units of a shift: pixels, or parts of the picture's side. */
    pixels: "px",
    ofSide: "of side",
  },
  start: {
    noise: "noise",
    later: "Takes effect at the next fresh start: Reset, then Run.",
    picture: "Starting picture",
    pictureOf: (name: string) => `Starting picture ${name}`,
    upload: "Upload picture…",
    uploadTitle:
      "PNG, JPEG, WebP, GIF, TIFF or BMP, up to 10 MB; it may also be dropped onto the picture",
    clear: "Use noise",
    clearTitle: "Start from noise again",
  },
  table: {
    label: "Losses",
    rows: (count: number) => plural(count, "row"),
    newest: "newest ↓",
    empty: "Each iteration adds a row.",
    iteration: "iteration",
  },
  /** Of a run, a sheet or a comparison that was saved as a page. */
  page: {
    losses: "Losses",
    settings: "Settings",
    code: "Code",
    copy: "Copy",
    copied: "Copied",
    selected: "It is selected: copy it with the keyboard",
    noLosses: "Of so many pictures the losses were left out. Save one alone to keep its.",
    notBegun: "The run has not begun, so it has no losses yet.",
    iterations: (count: number) => `iteration ${count.toLocaleString("en")}`,
    pictures: (count: number) => plural(count, "picture"),
    order: "Order of the pictures",
    inOrder: "In order",
    activation: "activation",
    byActivation: "By activation",
    by: (title: string) => `By ${title}`,
    hint: "Click a picture to see it large, with its losses.",
  },
  takeAway: {
    name: "Save as …",
    label: "Save as",
    title: "Save the picture, its film, its losses, or what makes it",
    offers: {
      png: "PNG, enlarged, with its settings",
      gif: "GIF of the film",
      webp: "WebP of the film, lossless",
      html: "Page of the run, for any browser",
      csv: "CSV of the losses",
      json: "Run file, to repeat it",
      py: "Python code",
      copy: "Copy as Python",
    },
    tiles: {
      name: "Save the sheet …",
      label: "Save the sheet as",
      title: "Save all of these pictures, their losses, or what makes them",
      offers: {
        png: "PNG of all, with their settings",
        html: "Page of all, for any browser",
        csv: "CSV of all losses",
        json: "Run file, to repeat them",
        py: "Python code",
        copy: "Copy as Python",
      },
    },
    pins: {
      name: "Save the pins …",
      label: "Save the pins as",
      title: "Save the pins side by side, with what they differ in",
      offers: {
        html: "Page of all, for any browser",
      },
    },
    making: "Making …",
    copied: "Copied",
    noClipboard: "The browser gives no access to the clipboard: choose Python code.",
  },
  target: {
    objective: "Objective",
    numbered: 'Filters maximised together: "3", "3, 7", "0-4", or nothing for all',
    named:
      'Filters maximised together, by number or name: "3", "3, 7", "goldfish, flamingo", or nothing for all',
    of: (filters: number) => `of ${filters}`,
    previous: "Previous filter",
    next: "Next filter",
  },
  tile: {
    notStarted: (name: string) => `${name}, not started`,
    activation: (name: string, value: string) => `${name}, activation ${value}`,
    title: (name: string) =>
      `Show ${name[0]?.toLowerCase()}${name.slice(1)} large, with its losses`,
  },
  tileGrid: {
    /** A tile's number stands after it. */
    filter: "Filter",
    allFilters: (layer: string) => `All filters of ${layer}`,
    filters: (layer: string) => `Filters of ${layer}`,
  },
  tileLabel: {
    allFilters: "all filters",
    wholeMap: (title: string) => `${title}: whole map`,
  },
  tiles: {
    /** Running shows itself. */
    status: {
      ready: "",
      compiling: "compiling …",
      running: "",
      paused: "paused",
      finished: "finished",
      failed: "failed",
    },
    notFinished: "not finished",
    filters: (done: number, count: number) => `${done} of ${count} filters`,
    pictures: (done: number, count: number) => `${done} of ${count} pictures`,
    progress: "Pictures made",
    changed: (settings: string) => `Made with other settings: ${settings}`,
    pause: "Pause",
    pauseTitle: "Pause after the current step",
    goOn: "Go on",
    goOnTitle: "Go on with those that are left",
    close: "Close",
    closeTitle: "Stop, and take these pictures away",
    order: "Order of the pictures",
    inOrder: "In order",
    byActivation: "By activation",
    by: (title: string) => `By ${title}`,
  },
  upload: {
    sending: (name: string) => `sending ${name} …`,
    clearing: "clearing …",
    unreadable: (name: string) => `${name} could not be read. Choose a picture file.`,
    tooLarge: (name: string, megabytes: string, limit: number) =>
      `${name} has ${megabytes} MB, and at most ${limit} MB can be sent. Choose a smaller picture.`,
  },
  vary: {
    allFilters: "All filters",
    allFiltersTitle: "Make a picture of every filter of this layer",
    open: "Vary …",
    openTitle: "Make pictures that differ in filters, seeds or a number",
    first: "Vary",
    second: "and",
    nothingElse: "nothing else",
    values: (label: string) => `Values (${label})`,
    make: "Make",
    makeCount: (pictures: number) => `Make ${plural(pictures, "picture")}`,
    makeTitle: "Make them with the present settings, as tiles",
    cancel: "Cancel",
    cancelTitle: "Close this form",
  },
  varyValues: {
    group: "Pictures",
    filters: "Filters",
    seed: "Seed",
    /** Typed for all filters, in small letters. */
    all: "all",
    none: (example: string) => `Write at least one value, as in "${example}".`,
    noSeed: (part: string) =>
      `"${part}" is not a seed. Write whole numbers: "3", "3, 7", or "0-7".`,
    noNumber: (part: string) =>
      `"${part}" is not a number. Write numbers with commas between: "0, 1.5, 10".`,
    tooLow: (value: string, least: number) => `${value} is too low: at least ${least}.`,
    tooHigh: (value: string, most: number) => `${value} is too high: at most ${most}.`,
    tooMany: (count: string, most: string) =>
      `These would be ${count} pictures. At most ${most} are made at once.`,
  },
  score: {
    intro:
      "A picture of a maximum persuades, also where it should not. Here the network is asked about the picture as a file keeps it, and it is set beside real pictures.",
    ask: "Score this picture",
    asking: "Asking the network …",
    older: "The picture is another one by now.",
    of: (target: string, iteration: number, passes: number) =>
      `${target}, iteration ${iteration.toLocaleString("en")}: ${plural(passes, "forward pass", "forward passes")}.`,
    names: { strong: "Strong", sturdy: "Sturdy", natural: "Natural" },
    verdicts: { green: "good", amber: "doubtful", grey: "no data" },
    explained: {
      strong:
        "Whether the network sees the target in it. Noise that was made to deceive is strong, too: read it with the other two.",
      sturdy:
        "Whether it still does when the picture is moved, turned, made smaller, compressed or grainy. What a person would not notice should not matter.",
      natural:
        "Whether the picture has the frequencies and colours that real pictures have. A cloud of noise may have them, too.",
    },
  },
  real: {
    intro:
      "The real pictures that excite the target most, or least where the run lowers it, cut to the part that it sees.",
    ask: "Find them",
    asking: "Showing the real pictures to the network …",
    of: (target: string, count: number, of: number, lowest: boolean) =>
      lowest
        ? `${target}: the ${count} of ${plural(of, "picture")} that excite it least, with its mean answer to each.`
        : `${target}: the strongest ${count} of ${plural(of, "picture")}, with the target's strongest answer in each.`,
    picture: (name: string, value: string) => `${name}: ${value}`,
  },
  quiz: {
    intro:
      "Does the made picture tell what excites the target? Look at it, and choose: of two real pictures one excites it more.",
    start: "Begin the quiz",
    asking: "Showing the real pictures to the network …",
    question: (target: string) => `Which of the two excites ${target} more?`,
    left: "The left one",
    right: "The right one",
    verdict: (right: boolean | null) =>
      right === null ? "" : right ? "Right." : "No, the other one.",
  },
  view: {
    score: "Score",
    real: "Real pictures",
    /** Why there is no kernel, and what to do. */
    notes: {
      unknown: `${NOT_CONNECTED}. Run the cell again.`,
      reconnecting: `${NOT_CONNECTED}: the connection is lost. This goes on by itself when it is back.`,
      disconnected: `${NOT_CONNECTED}: the connection is lost. Reload the page when it is back.`,
      restarted: `${NOT_CONNECTED}: it was restarted. Run the cell again.`,
      "shut down": `${NOT_CONNECTED}: it was shut down. Run the cell again.`,
      died: `${NOT_CONNECTED}: it died. Run the cell again.`,
    },
    losses: "Losses",
    vary: "Vary",
    recipe: "Recipe",
    more: "More",
    model: "Model",
  },
} as const;
