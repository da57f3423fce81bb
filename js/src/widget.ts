import type { AnyWidget } from "@anywidget/types";
import type { Traits } from "./kernel/model";
import { Store } from "./kernel/store";
import { renderView } from "./view";

/** anywidget calls this once for each model: the store is shared by the model's views, and by no others. */
const createWidget: AnyWidget<Traits> = () => {
  let store: Store;
  return {
    initialize({ model }) {
      store = new Store(model);
      return store.cleanup;
    },
    render({ model, el }) {
      return renderView(model, store, el);
    },
  };
};

export default createWidget;
