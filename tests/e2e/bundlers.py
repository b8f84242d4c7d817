"""A small TypeScript application in a git checkout, which vite, webpack, rollup and esbuild build with Sentry's plugins."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.e2e.conftest import ROOT, TOOLS, Served, ask, create_project

PLUGINS = [tuple(line.split()[:2]) for line in (ROOT / "tests" / "e2e" / "plugins.txt").read_text().splitlines()]
BUNDLERS = [(plugin.removeprefix("@sentry/").removesuffix("-plugin"), version) for plugin, version in PLUGINS]
"""Bundlers and versions of Sentry's plugin for them, newest first."""

CART = """export interface Item {
  name: string;
  price: number;
}

export function checkout(items: Item[], coupons: number[]): string {
  /** Fails where there is nothing to add. */
  function addPrices(prices: number[]): number {
    if (prices.length === 0) {
      throw new RangeError("nothing to add");
    }
    return prices.reduce((sum, price) => sum + price, 0);
  }

  const total: number = addPrices(items.map((item) => item.price));
  return `${total} - ${addPrices(coupons)}`;
}
"""
INDEX = """import { checkout, type Item } from "./cart";

declare const globalThis: { _sentryDebugIds?: Record<string, string> };

const items: Item[] = [{ name: "pen", price: 2 }];

function pay(coupons: number[]): void {
  try {
    console.log(checkout(items, coupons));
  } catch (error) {
    const { stack } = error as Error;
    console.log(JSON.stringify({ stack, debugIds: globalThis._sentryDebugIds ?? {} }));
  }
}

pay([1]);
pay([]);
"""
MANIFEST = {"name": "shop", "private": True}
CALLS = (
    ("src/cart.ts", 10, 'throw new RangeError("nothing to add")'),
    ("src/cart.ts", 16, "addPrices(coupons)"),
    ("src/index.ts", 9, "checkout(items, coupons)"),
    ("src/index.ts", 17, "pay([])"),
)
"""File, line and statement of the frames of the error that the application prints, innermost first."""
SOURCES = {"src/cart.ts": CART, "src/index.ts": INDEX}

_REQUIRE = """import { createRequire } from "node:module";
const require = createRequire(process.env.TOOL + "/package.json");
const options = { org: "acme", telemetry: false, ...JSON.parse(process.env.OPTIONS) };
"""
_FILES = {
    "vite": (
        "vite.config.mjs",
        """export default {
  build: { sourcemap: true, modulePreload: { polyfill: false } },
  plugins: [require("@sentry/vite-plugin").sentryVitePlugin(options)],
};
""",
    ),
    "webpack": (
        "webpack.config.mjs",
        """const modules = process.env.TOOL + "/node_modules";
export default {
  mode: "production", target: "node", devtool: "source-map", entry: "./src/index.ts",
  output: { path: process.cwd() + "/dist", filename: "[name].[contenthash].js" },
  resolve: { extensions: [".ts", ".js"] }, resolveLoader: { modules: [modules] },
  module: { rules: [{ test: /\\.ts$/, loader: "ts-loader", options: { compiler: modules + "/typescript" } }] },
  plugins: [require("@sentry/webpack-plugin").sentryWebpackPlugin(options)],
};
""",
    ),
    "rollup": (
        "rollup.config.mjs",
        """const plugin = (name) => require("@rollup/plugin-" + name);
export default {
  input: "src/index.ts", output: { dir: "dist", format: "es", sourcemap: true, entryFileNames: "[name]-[hash].js" },
  plugins: [
    plugin("typescript")({ typescript: require("typescript"), tslib: require.resolve("tslib/tslib.es6.js") }),
    plugin("terser")(),
    require("@sentry/rollup-plugin").sentryRollupPlugin(options),
  ],
};
""",
    ),
    "esbuild": (
        "esbuild.config.mjs",
        """await require("esbuild").build({
  entryPoints: ["src/index.ts"], bundle: true, minify: true, sourcemap: true, outdir: "dist", format: "esm",
  entryNames: "[name]-[hash]", plugins: [require("@sentry/esbuild-plugin").sentryEsbuildPlugin(options)],
});
""",
    ),
}
_TYPESCRIPT = {
    "compilerOptions": {
        "target": "es2020",
        "module": "esnext",
        "moduleResolution": "bundler",
        "strict": True,
        "sourceMap": True,
        "inlineSources": True,  # rollup's maps have no sources without it
    },
    "include": ["src"],
}


@dataclass(frozen=True)
class PrintedError:
    """An error that the built application caught and printed."""

    stack: str
    images: list[dict[str, str]]
    """The files with debug ids that were loaded, as `symbolicate` has them."""


class Checkout:
    """A git checkout with the application, and a project with a default repository."""

    def __init__(self, bundler: str, version: str, server: Served, folder: Path, slug: str | None = None) -> None:
        self.bundler, self.server, self.work = bundler, server, folder / "work"
        (self.work / "src").mkdir(parents=True)
        (folder / "home").mkdir()
        self.tool = TOOLS / f"{bundler}-plugin-{version}"
        assert (self.tool / "node_modules" / bundler).exists(), "run `make e2e`, which installs it"
        self.slug = slug or f"{bundler}-{version.replace('.', '-')}"
        self.repository = f"acme/{self.slug}"
        create_project(server, self.slug, self.repository)
        self.environment = {
            "PATH": f"{os.environ['PATH']}{os.pathsep}{ROOT / '.venv' / 'bin'}", "HOME": str(folder / "home"), "NO_COLOR": "1",
            "TOOL": str(self.tool), "SENTRY_URL": server.base, "SENTRY_AUTH_TOKEN": server.token, "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "Ada", "GIT_AUTHOR_EMAIL": "ada@example.com", "GIT_COMMITTER_NAME": "Ada",
            "GIT_COMMITTER_EMAIL": "ada@example.com", "RUST_BACKTRACE": "0",
        }  # fmt: skip
        name, text = _FILES[bundler]
        (self.work / name).write_text(_REQUIRE + text)
        (self.work / "index.html").write_text('<script type="module" src="/src/index.ts"></script>\n')
        (self.work / "package.json").write_text(json.dumps(MANIFEST))
        (self.work / "tsconfig.json").write_text(json.dumps(_TYPESCRIPT))
        (self.work / ".gitignore").write_text("dist/\n")
        for path, text in SOURCES.items():
            (self.work / path).write_text(text)
        program = self.tool / "node_modules" / ".bin" / bundler
        self.command = {
            "vite": (str(program), "build"), "webpack": (str(program), "-c", name), "rollup": (str(program), "-c", name),
            "esbuild": ("node", name),
        }[bundler]  # fmt: skip
        self._run("git", "init", "-q")
        self._run("git", "remote", "add", "origin", f"https://git.example.com/{self.repository}.git")

    def commit(self, text: str) -> str:
        """Make a commit and return its sha."""
        (self.work / "text").write_text(text)
        self._run("git", "add", "--all")
        self._run("git", "commit", "-q", "-m", text)
        return self._run("git", "rev-parse", "HEAD").strip()

    def build(self, version: str, **options: Any) -> str:
        """Build a version with options of the plugin and return what was printed."""
        named = {"name": version, **options.pop("release", {})}
        self.environment["OPTIONS"] = json.dumps({"project": self.slug, "release": named, **options})
        return self._run(*self.command)

    def show(self, release: str) -> dict[str, Any]:
        """Return a release as the REST API shows it."""
        response = ask(self.server, f"/api/0/organizations/acme/releases/{release}/")
        assert isinstance(response, dict)
        return response

    def run_app(self) -> PrintedError:
        """Run the built application and return the error that it printed."""
        folder = self.work / "dist"
        module = "commonjs" if self.bundler == "webpack" else "module"
        (folder / "package.json").write_text(json.dumps({"type": module}))
        [script] = folder.rglob("*.js")
        sum_line, error_line = self._run("node", str(script)).splitlines()
        assert sum_line == "2 - 1"
        error = json.loads(error_line)
        return PrintedError(error["stack"], [_describe_image(*pair) for pair in error["debugIds"].items()])

    def _run(self, *words: str) -> str:
        process = subprocess.run(
            words, env=self.environment, cwd=self.work, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=120, check=False,
        )  # fmt: skip
        assert process.returncode == 0, process.stdout + process.stderr
        return process.stdout + process.stderr


def _describe_image(stack: str, debug_id: str) -> dict[str, str]:
    """Return an image of a key of `_sentryDebugIds`, which is a stack whose first frame is in the file."""
    frame = next(line for line in stack.splitlines() if line.startswith("    at "))
    place = frame.removeprefix("    at ").rpartition("(")[2].rstrip(")")
    return {"codeFile": place.rsplit(":", 2)[0], "debugId": debug_id}
