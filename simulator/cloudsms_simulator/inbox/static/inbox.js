// What every page does with its elements, by their data attributes. Each module looks after one thing.
import { ages } from "./js/ages.js";
import { calls } from "./js/calls.js";
import { copies } from "./js/copies.js";
import { countries } from "./js/countries.js";
import { keys } from "./js/keys.js";
import { list } from "./js/list.js";
import { opens } from "./js/opens.js";
import { presses } from "./js/presses.js";
import { submits } from "./js/submits.js";
import { terms } from "./js/terms.js";

for (const begin of [ages, calls, copies, countries, keys, list, opens, presses, submits, terms]) begin();
