import { describe, expect, it, vi } from "vitest";
import { ASKED_AT_ONCE, IN_FLIGHT, MOST_TILES } from "../src/kernel/atlas_store";
import { openAtlas, type Row, rowsMessage } from "./atlas_page";
import { nextFrame, standInForBrowser } from "./page";

standInForBrowser();

const many = (count: number, over: Row = {}): Row[] =>
  Array.from({ length: count }, (_, index) => ({
    ...{ layer: `layer ${index % 3}`, filter: index, activation: index, checkpoint: "one" },
    ...over,
  }));

describe("the sheet", () => {
  it("asks for what it lacks, and has of 20,000 pictures those in sight alone", async () => {
    const { asked, el, rows, tiles } = openAtlas({ expected: 20_000 });
    expect(asked()[0]).toEqual({ type: "atlas_hello", rows: 0 });
    await rows(many(20_000));
    expect(tiles().length).toBeGreaterThan(8);
    expect(el.querySelectorAll("*").length).toBeLessThan(500);
    expect(tiles()[0]?.getAttribute("aria-setsize")).toBe("20000");
    const wanted = asked().filter(({ type }) => type === "ask_tiles");
    expect(wanted.length).toBe(IN_FLIGHT);
    expect(wanted.every(({ indices }) => indices.length <= ASKED_AT_ONCE)).toBe(true);
    // Of the first layer in its order, as it is grouped.
    expect(wanted[0]?.indices.slice(0, 3)).toEqual([0, 3, 6]);
  });

  it("asks no further before an answer, and not for what was scrolled past", async () => {
    const { answer, asked, part, rows, tiles } = openAtlas();
    await rows(many(20_000));
    const list = part("atlas-list");
    for (const top of [20_000, 40_000, 60_000]) {
      list.scrollTop = top;
      list.dispatchEvent(new Event("scroll"));
      nextFrame();
    }
    expect(asked().filter(({ type }) => type === "ask_tiles")).toHaveLength(IN_FLIGHT);
    const shown = tiles().map(({ dataset }) => Number(dataset.row));
    await answer();
    const next = asked().find(({ type }) => type === "ask_tiles");
    expect(shown).toContain(next?.indices[0]);
  });

  it("keeps so many pictures and closes the others", async () => {
    const { answer, asked, closed, part, rows } = openAtlas();
    await rows(many(20_000));
    const list = part("atlas-list");
    let came = 0;
    for (let top = 0; came < MOST_TILES + 100; top += 300) {
      list.scrollTop = top;
      list.dispatchEvent(new Event("scroll"));
      nextFrame();
      for (const { indices } of await answer()) came += indices.length;
    }
    expect(closed.mock.calls.length).toBeGreaterThan(0);
    expect(came - closed.mock.calls.length).toBeLessThanOrEqual(MOST_TILES + ASKED_AT_ONCE);
    expect(asked().length).toBeLessThan(5);
  });

  it("says of a picture that failed, or cannot be read, that it did", async () => {
    const { answer, el, rows, tiles } = openAtlas();
    await rows(many(2, { error: "Silent.", layer: "out" }));
    expect(tiles()[0]?.getAttribute("aria-label")).toBe("out, filter 0, activation 0, failed");
    await answer("Its part of the store is gone.");
    expect(el.querySelector(".actmax-atlas-failed")?.textContent).toBe("failed");
    expect(tiles()[0]?.title).toBe("Its part of the store is gone.");
  });

  it("shortens what would reach into the next tile, and says all of it to whoever asks", async () => {
    const pen = {
      measureText: (text: string) => ({ width: 7 * text.length }),
      drawImage: () => {},
    };
    vi.spyOn(HTMLCanvasElement.prototype, "getContext").mockReturnValue(pen as never);
    const { model, rows, tiles } = openAtlas();
    const checkpoints = ["run of november/epoch-001", "run of november/epoch-002"];
    const label = "black-footed ferret, ferret, Mustela nigripes";
    await rows(
      checkpoints.map((checkpoint, seed) => ({
        ...{ layer: "features/block_3_expand_relu", filter: 359, label, checkpoint, seed },
        activation: 2.5,
      })),
    );
    const words = (part: string) => tiles()[1]?.querySelector(part)?.textContent ?? "";
    const most = Number.parseFloat(tiles()[1]?.style.width ?? "0") / 7;
    expect(words(".actmax-tile-name")).toMatch(/^359 \S*… · seed 1$/);
    expect(words(".actmax-tile-activation")).toBe("…002 · 2.500");
    expect(words(".actmax-tile-name").length).toBeLessThan(most);
    expect(words(".actmax-tile-activation").length).toBeLessThan(most);
    expect(tiles()[1]?.title).toBe(
      `features/block_3_expand_relu, filter 359 ${label}, ${checkpoints[1]}, seed 1, activation 2.500`,
    );
    model.update({ grouped: false } as object);
    nextFrame();
    expect(words(".actmax-tile-name")).toMatch(/^359 \S*… · seed 1$/);
    expect(words(".actmax-tile-name").length).toBeLessThan(most);
  });

  it("is walked by the arrow keys; Enter opens and Escape closes", async () => {
    const { model, part, press, rows } = openAtlas();
    await rows(many(40, { layer: "out" }));
    const active = () =>
      document.getElementById(part("atlas-list").getAttribute("aria-activedescendant") ?? "")
        ?.dataset.row;
    expect(active()).toBe("0");
    for (const key of ["ArrowRight", "ArrowDown", "ArrowLeft"]) press(key);
    expect(active()).toBe("5");
    press("End");
    expect(active()).toBe("39");
    press("Home");
    expect(press("Enter").defaultPrevented).toBe(true);
    expect(model.get("selected" as never)).toBe(0);
    expect(part("atlas-open").hidden).toBe(false);
    press("Escape");
    expect(model.get("selected" as never)).toBeNull();
    expect(part("atlas-open").hidden).toBe(true);
    // Whatever goes with Ctrl is the host's.
    expect(press("f", { ctrlKey: true }).defaultPrevented).toBe(false);
    expect(press("/").defaultPrevented).toBe(false);
  });

  it("is searched and sorted as is chosen, here or from Python", async () => {
    const { model, part, rows, tiles } = openAtlas();
    await rows(many(9));
    const search = part("atlas-search") as unknown as HTMLInputElement;
    search.value = "layer 2";
    search.dispatchEvent(new Event("input"));
    vi.advanceTimersByTime(200);
    expect(model.saved.at(-1)).toEqual({ search: "layer 2" });
    expect(part("atlas-shown").textContent).toBe("3 of 9 shown");
    model.update({ search: "", sort: "activation", grouped: false } as object);
    nextFrame();
    expect(tiles()[0]?.dataset.row).toBe("8");
    model.update({ search: "nothing of this kind" } as object);
    nextFrame();
    expect(part("atlas-empty").textContent).toBe("No picture fits what is chosen above.");
  });

  it("takes in what comes while a sweep goes on, and stays where it is", async () => {
    const { asked, model, part, rows, send, tiles } = openAtlas({ expected: 600, count: 300 });
    const all = many(600, { layer: "out" });
    await rows(all.slice(0, 300));
    expect(part("atlas-status").textContent).toBe("300 of 600 pictures");
    model.sent.splice(0);
    vi.advanceTimersByTime(2100);
    expect(asked().at(-1)).toEqual({ type: "atlas_hello", rows: 300 });
    await rows(all, 300);
    expect(part("atlas-status").textContent).toBe("600 pictures");
    expect(tiles()[0]?.dataset.row).toBe("0");
    // There may be more after the next epoch: often as long as there was something new, else seldom.
    const looks = () =>
      asked()
        .splice(0)
        .filter(({ type }) => type === "atlas_hello").length;
    looks();
    vi.advanceTimersByTime(10_100);
    expect(looks()).toBe(5);
    vi.advanceTimersByTime(120_000);
    looks();
    vi.advanceTimersByTime(10_100);
    expect(looks()).toBe(1);
    await send({ type: "nonsense" });
  });
});

it("waits for a training that has not begun", async () => {
  const { asked, model, part, send } = openAtlas();
  await send(...rowsMessage([]));
  expect(part("atlas-empty").textContent).toBe(
    "There are no pictures yet. They come in as they are made.",
  );
  model.sent.splice(0);
  vi.advanceTimersByTime(10_100);
  expect(asked().filter(({ type }) => type === "atlas_hello")).toHaveLength(5);
});

describe("the picture that is open", () => {
  const FILM: Row[] = ["epoch 1", "epoch 2", "epoch 3"].map((checkpoint) => ({
    ...{ layer: "out", filter: 4, label: "four", checkpoint, activation: 3 },
  }));

  it("has its numbers, its score and its notes", async () => {
    const { part, picture, press, rows, asked } = openAtlas();
    await rows([{ layer: "out", filter: 4, label: "four", activation: 3, probability: 0.5 }]);
    press("Enter");
    expect(asked().at(-1)).toEqual({ type: "ask_atlas_picture", index: 0 });
    const score = [{ name: "strong", verdict: "green", words: "rank 1 of 10" }] as const;
    await picture(0, { notes: ["It is noisy."], score: [...score] });
    expect(part("atlas-title").textContent).toBe("out, filter 4 four");
    expect(part("atlas-numbers").textContent).toContain(
      "Iterations60Activation, last iteration3.000Probability, last iteration50%",
    );
    expect(part("atlas-numbers").textContent).toContain("TV(2.0) Loss0.2500");
    expect(part("atlas-score").textContent).toBe("Stronggoodrank 1 of 10");
    expect(part("atlas-notes").textContent).toBe("It is noisy.");
    expect(part("atlas-chart").getAttribute("aria-label")).toBe(
      "Over 3 iterations: Total loss from 3.000 to 1.000, Activation from 3.000 to 1.000.",
    );
  });

  it("says why it failed, and offers a run where there is a picture all the same", async () => {
    const { part, picture, press, rows, send } = openAtlas();
    await rows([
      { layer: "out", error: "It is silent." },
      { layer: "out", error: "No memory." },
    ]);
    press("Enter");
    expect(part("atlas-go-on").disabled).toBe(true);
    await picture(0, { error: "It is silent." });
    expect(part("atlas-error").textContent).toBe("It is silent.");
    expect(part("atlas-go-on").disabled).toBe(false);
    press("ArrowRight");
    press("Enter");
    const nothing = { steps: 0, losses: {}, score: [], notes: [], error: "No memory." };
    await send({ type: "atlas_picture", index: 1, ...nothing }, []);
    expect(part("atlas-error").textContent).toBe("No memory.");
    expect(part("atlas-numbers").textContent).not.toContain("Iterations");
    expect(part("atlas-go-on").disabled).toBe(true);
  });

  it("lets a run go on, and says beside the button why it cannot", async () => {
    const { asked, model, part, picture, press, rows } = openAtlas();
    await rows([FILM[0] as Row]);
    press("Enter");
    await picture(0);
    expect(part("atlas-compare").hidden).toBe(true);
    part("atlas-go-on").click();
    expect(asked().at(-1)).toEqual({ type: "go_on", index: 0 });
    model.update({ opening: [0] } as object);
    expect(part("atlas-told").textContent).toBe("The model is being made ready …");
    expect(part("atlas-go-on").disabled).toBe(true);
    model.update({ opening: [], refused: "The model's file is gone." } as object);
    expect(part("atlas-refused").textContent).toBe("The model's file is gone.");
    expect(part("atlas-go-on").disabled).toBe(false);
    model.update({ refused: "", beneath: [0] } as object);
    expect(part("atlas-told").textContent).toBe("A live widget goes on from it, beneath.");
    model.update({ beneath: [0, 1] } as object);
    expect(part("atlas-told").textContent).toBe("It is compared beneath, from the noise.");
    part("atlas-close-beneath").click();
    expect(asked().at(-1)).toEqual({ type: "close_beneath" });
    model.update({ beneath: [] } as object);
    expect(part("atlas-close-beneath").hidden).toBe(true);
  });

  it("plays over the checkpoints, waits for each picture, and compares two", async () => {
    const { asked, model, part, picture, press, rows } = openAtlas();
    await rows(FILM);
    press("Enter");
    await picture(0);
    expect(part("atlas-checkpoint-at").textContent).toBe("epoch 1 (1 of 3)");
    part("atlas-play").click();
    vi.advanceTimersByTime(1000);
    expect(model.get("selected" as never)).toBe(0); // the next one is not there yet
    expect(asked().filter(({ index }) => index === 1)).toHaveLength(1);
    await picture(1);
    await picture(2);
    vi.advanceTimersByTime(400);
    expect(model.get("selected" as never)).toBe(1);
    vi.advanceTimersByTime(1000);
    expect(model.get("selected" as never)).toBe(2);
    expect(part("atlas-play").textContent).toBe("Play");
    const range = part("atlas-film") as unknown as HTMLInputElement;
    range.value = "0";
    range.dispatchEvent(new Event("input"));
    expect(model.get("selected" as never)).toBe(0);
    expect((part("atlas-against") as unknown as HTMLSelectElement).value).toBe("2");
    part("atlas-compare").click();
    expect(asked().at(-1)).toEqual({ type: "compare_two", one: 0, other: 2 });
  });

  it("is opened from Python", async () => {
    const { model, part, rows, tiles } = openAtlas();
    await rows(many(400, { layer: "out" }));
    model.update({ selected: 300 } as object);
    nextFrame();
    expect(part("atlas-title").textContent).toBe("out, filter 300");
    expect(tiles().some((tile) => tile.getAttribute("aria-selected") === "true")).toBe(true);
  });
});

describe("without a kernel", () => {
  it("says so, keeps what there is, and asks for nothing", async () => {
    const { asked, el, model, part, press, rows, send } = openAtlas({ expected: 40 });
    await rows(many(20));
    press("Enter");
    model.dead = true;
    part("atlas-go-on").click();
    nextFrame();
    expect(part("not-connected").textContent).toContain("Not connected to a kernel");
    expect(part("atlas-go-on").disabled).toBe(true);
    const before = asked().length;
    vi.advanceTimersByTime(20_000);
    expect(asked()).toHaveLength(before);
    expect(el.querySelectorAll(".actmax-atlas-tile:not([hidden])").length).toBeGreaterThan(0);
    model.dead = false;
    model.trigger("comm_live_update");
    await send({ type: "atlas_rows", first: 20, count: 0, texts: {}, texts_first: {} });
    expect(part("not-connected").hidden).toBe(true);
  });

  it("shows the pictures of a saved notebook", async () => {
    const picture = new DataView(new ArrayBuffer(1));
    const { model, part, send } = openAtlas({ picture, count: 126, expected: 126 });
    model.dead = true;
    model.trigger("comm_live_update");
    await send(null);
    expect(part("atlas-saved").hidden).toBe(false);
    expect(part("atlas-status").textContent).toBe("126 pictures");
    expect(part("atlas-saved").getAttribute("aria-label")).toContain("when the notebook was saved");
  });

  it("leaves nothing behind", async () => {
    const { cleanup, closed, answer, el, model, rows } = openAtlas();
    await rows(many(20));
    await answer();
    cleanup();
    expect(model.listeners).toBe(0);
    expect(el.children).toHaveLength(0);
    expect(closed).toHaveBeenCalledTimes(20);
  });
});
