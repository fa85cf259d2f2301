// The robot, the objects and the table in 3D, moved by recorded states.

import * as THREE from "three";
import { OrbitControls } from "three/orbit";

// What stands for an object of which nobody knows what it looks like: a box, in one of these colours.
const COLOURS = [0x2f6fd0, 0xc92f2f, 0x2f9e44, 0xe8a200, 0x8e44ad];
const EDGE = 0.04;

// Of what one robot has around it [m]: seen from nearer than that needs, it would not fit into the view.
const SPAN = 0.76;

// Reads packed numbers: base64 of what zlib compressed.
export async function unpacked(text, Kind) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Kind(await new Response(stream).arrayBuffer());
}

// A demonstration's quantities over the steps: joints, poses of the objects, place of the hand, actions.
export async function trackOf(demo, units) {
  const raw = await unpacked(demo.track, Int16Array);
  const steps = demo.steps;
  let row = 0;
  const rows = (count, unit) => Array.from({ length: count }, () => {
    const values = new Float32Array(steps);
    let sum = 0;
    for (let step = 0; step < steps; step += 1) {
      sum = ((sum + raw[row * steps + step]) << 16) >> 16; // 16 bits wrap around
      values[step] = sum * unit;
    }
    row += 1;
    return values;
  });
  const robots = Object.entries(demo.joints).map(([name, count]) => ({ name, joints: rows(count, units.angle) }));
  const posed = (name) => ({ name, position: rows(3, units.position), quaternion: rows(4, units.quaternion) });
  const moving = demo.moving.map(posed);
  const objects = demo.objects.map(posed);
  const joints = robots.flatMap((robot) => robot.joints);
  const hands = demo.hands.map((eef) => ({ eef, way: rows(3, units.position) }));
  return { steps, hands, bases: demo.bases, robots, joints, moved: [...moving, ...objects], actions: rows(demo.actions, units.position) };
}

// A robot or an object: its links, and what is seen of them.
class Asset {
  constructor({ links, place, tools }, opacity) {
    this.root = new THREE.Group();
    this.moving = [];
    this.links = new Map();
    for (const link of links) {
      const node = new THREE.Group();
      node.position.fromArray(link.origin.position);
      node.quaternion.fromArray(link.origin.quaternion);
      (link.parent === null ? this.root : this.links.get(link.parent)).add(node);
      this.links.set(link.name, node);
      for (const { geometry, colour, flat } of link.meshes) node.add(new THREE.Mesh(geometry, material(colour, opacity, flat)));
      if (link.joint) {
        const [axis, pivot] = [link.joint.axis, link.joint.pivot].map((values) => new THREE.Vector3().fromArray(values));
        this.moving.push({ node, axis, pivot, slides: link.joint.slides, position: node.position.clone(), turn: node.quaternion.clone() });
      }
    }
    this.tools = tools.map(({ eef, link, point }) => ({ eef, node: this.links.get(link), point: new THREE.Vector3().fromArray(point) }));
    this.place(place);
  }

  // Position and quaternion (x, y, z, w).
  place(pose) {
    this.root.position.fromArray(pose);
    this.root.quaternion.fromArray(pose, 3).normalize();
  }

  set(joints) {
    const turn = new THREE.Quaternion();
    this.moving.slice(0, joints.length).forEach(({ node, axis, pivot, slides, position, turn: rest }, index) => {
      const shift = axis.clone().multiplyScalar(joints[index]);
      if (!slides) {
        turn.setFromAxisAngle(axis, joints[index]);
        node.quaternion.copy(rest).multiply(turn);
        shift.copy(pivot).sub(pivot.clone().applyQuaternion(turn));
      }
      node.position.copy(shift.applyQuaternion(rest)).add(position);
    });
  }

  // Where its tools are.
  hands() {
    this.root.updateWorldMatrix(true, true);
    return this.tools.map(({ eef, node, point }) => ({ eef, point: point.clone().applyMatrix4(node.matrixWorld) }));
  }
}

function material(colour, opacity, flat) {
  return new THREE.MeshStandardMaterial({ color: colour, roughness: 0.55, metalness: 0.05, transparent: opacity < 1, opacity, flatShading: flat });
}

// One demonstration in the scene.
class Figure {
  constructor(scene, described, opacity) {
    this.described = described;
    this.opacity = opacity;
    this.assets = new Map();
    this.group = new THREE.Group();
    scene.add(this.group);
    for (const [name, asset] of Object.entries(described)) this.add(name, asset);
  }

  add(name, asset) {
    const made = new Asset(asset, this.opacity);
    this.assets.set(name, made);
    this.group.add(made.root);
  }

  show(track) {
    this.track = track;
    track.moved.forEach(({ name }, index) => {
      if (this.assets.has(name)) return;
      const geometry = new THREE.BoxGeometry(EDGE, EDGE, EDGE);
      const meshes = [{ geometry, colour: COLOURS[index % COLOURS.length], flat: true }];
      this.add(name, { links: [{ name, parent: null, joint: null, origin: { position: [0, 0, 0], quaternion: [0, 0, 0, 1] }, meshes }], place: [0, 0, 0, 0, 0, 0, 1], tools: [] });
    });
    for (const [name, base] of Object.entries(track.bases)) this.assets.get(name)?.place(base);
  }

  at(step) {
    const last = Math.min(step, this.track.steps - 1);
    const now = (rows) => rows.map((values) => values[last]);
    for (const { name, joints } of this.track.robots) this.assets.get(name)?.set(now(joints));
    for (const { name, position, quaternion } of this.track.moved) this.assets.get(name).place([...now(position), ...now(quaternion)]);
  }

  hands() {
    return [...this.assets.values()].flatMap((asset) => asset.hands());
  }
}

// Unpacks the meshes of the scene's assets, once for all that is drawn of them.
async function unpackedAssets(assets) {
  const geometryOf = async ({ vertices, faces, unit, colour, flat }) => {
    const geometry = new THREE.BufferGeometry();
    geometry.setAttribute("position", new THREE.BufferAttribute(Float32Array.from(await unpacked(vertices, Int16Array), (value) => value * unit), 3));
    geometry.setIndex(new THREE.BufferAttribute(await unpacked(faces, Uint32Array), 1));
    geometry.computeVertexNormals();
    return { geometry, colour, flat };
  };
  const linksOf = (links) => Promise.all(links.map(async (link) => ({ ...link, meshes: await Promise.all(link.meshes.map(geometryOf)) })));
  const pairs = Object.entries(assets).map(async ([name, asset]) => [name, { ...asset, links: await linksOf(asset.links) }]);
  return Object.fromEntries(await Promise.all(pairs));
}

export class Replay {
  static async create(place, { assets, table }) {
    return new Replay(place, await unpackedAssets(assets), table);
  }

  constructor(place, assets, table) {
    this.place = place;
    this.renderer = new THREE.WebGLRenderer({ antialias: true });
    this.renderer.setPixelRatio(Math.min(window.devicePixelRatio, 2));
    place.append(this.renderer.domElement);
    this.scene = new THREE.Scene();
    this.camera = new THREE.PerspectiveCamera(38, 1, 0.05, 20);
    this.camera.up.set(0, 0, 1);
    this.controls = new OrbitControls(this.camera, this.renderer.domElement);
    this.controls.addEventListener("change", () => this.draw());
    this.scene.add(new THREE.HemisphereLight(0xffffff, 0x666666, 2.2));
    const sun = new THREE.DirectionalLight(0xffffff, 2.2);
    sun.position.set(1.5, -1.5, 3);
    this.scene.add(sun);
    if (table) {
      const board = new THREE.Mesh(new THREE.BoxGeometry(...table.size), material(table.colour, 1, true));
      const [x, y, top] = table.position;
      board.position.set(x, y, top - table.size[2] / 2);
      this.scene.add(board);
    }
    // What there is to be seen: where robots and objects stand at first, and some room around it.
    const places = Object.values(assets).map(({ place: pose }) => new THREE.Vector3().fromArray(pose));
    const box = new THREE.Box3().setFromPoints(places.length ? places : [new THREE.Vector3(), new THREE.Vector3(SPAN, 0, 0)]);
    this.middle = box.getCenter(new THREE.Vector3()).setZ(0.2);
    this.distance = Math.max(1, box.getSize(new THREE.Vector3()).setZ(0).length() / SPAN);
    this.main = new Figure(this.scene, assets, 1);
    this.other = new Figure(this.scene, assets, 0.35);
    this.other.group.visible = false;
    this.paths = new THREE.Group();
    this.scene.add(this.paths);
    this.dark = window.matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", () => this.draw());
    this.resetView();
    new ResizeObserver(() => this.resize()).observe(place);
    this.resize();
  }

  resetView() {
    this.camera.position.set(1.42, -1.35, 0.8).multiplyScalar(this.distance).add(this.middle);
    this.controls.target.copy(this.middle);
    this.controls.update();
    this.draw();
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.place;
    if (!width || !height) return;
    this.renderer.setSize(width, height);
    this.camera.aspect = width / height;
    this.camera.updateProjectionMatrix();
    this.draw();
  }

  show(track) {
    this.main.show(track);
    this.clearPaths();
  }

  compare(track) {
    this.other.group.visible = track !== null;
    if (track) this.other.show(track);
  }

  clearPaths() {
    for (const line of this.paths.children) line.geometry.dispose();
    this.paths.clear();
  }

  // The way of a hand between two steps, in a colour of the style sheet; of all hands, if it is none of them.
  path(track, eef, from, to, colour, dashed = false) {
    const own = track.hands.filter((hand) => hand.eef === eef);
    for (const { way } of own.length ? own : track.hands) this.line(way, from, Math.min(to, track.steps - 1), colour, dashed);
  }

  line(way, from, to, colour, dashed) {
    const points = [];
    for (let step = from; step < to; step += 1) points.push(new THREE.Vector3(...way.map((values) => values[step])));
    const name = colour.replace(/^var\((.*)\)$/, "$1");
    const fill = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const material = dashed ? new THREE.LineDashedMaterial({ color: fill, dashSize: 0.012, gapSize: 0.01 }) : new THREE.LineBasicMaterial({ color: fill });
    const line = new THREE.Line(new THREE.BufferGeometry().setFromPoints(points), material);
    line.computeLineDistances();
    this.paths.add(line);
  }

  at(step) {
    this.main.at(step);
    if (this.other.group.visible) this.other.at(step);
    this.draw();
  }

  draw() {
    if (!this.main.track) return;
    const fill = getComputedStyle(document.documentElement).getPropertyValue("--scene").trim();
    this.scene.background = new THREE.Color(fill);
    this.renderer.render(this.scene, this.camera);
  }
}
