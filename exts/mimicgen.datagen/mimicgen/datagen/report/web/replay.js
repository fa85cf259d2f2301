// The robot, the objects and the table in 3D, moved by recorded states.

import * as THREE from "three";
import { OrbitControls } from "three/orbit";

const OBJECT_COLOURS = [0x2f6fd0, 0xc92f2f, 0x2f9e44, 0xe8a200, 0x8e44ad];
const CUBE_EDGE = 0.0467;

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
  const joints = rows(demo.joints, units.angle);
  const objects = demo.objects.map((name) => ({ name, position: rows(3, units.position), quaternion: rows(4, units.quaternion) }));
  return { steps, hands: demo.hands, joints, objects, hand: rows(3, units.position), actions: rows(demo.actions, units.position) };
}

class Robot {
  constructor(description, parts, opacity) {
    this.root = new THREE.Group();
    this.moving = [];
    this.links = new Map();
    for (const link of description.links) {
      const node = new THREE.Group();
      node.position.fromArray(link.origin.position);
      node.quaternion.fromArray(link.origin.quaternion);
      (link.parent ? this.links.get(link.parent) : this.root).add(node);
      this.links.set(link.name, node);
      if (link.joint) {
        const axis = new THREE.Vector3().fromArray(link.joint.axis);
        this.moving.push({ node, axis, type: link.joint.type, position: node.position.clone(), turn: node.quaternion.clone() });
      }
    }
    for (const { link, geometry, colour, origin } of parts) {
      const material = new THREE.MeshStandardMaterial({ color: colour, roughness: 0.55, metalness: 0.05, transparent: opacity < 1, opacity, flatShading: false });
      const mesh = new THREE.Mesh(geometry, material);
      mesh.position.fromArray(origin.position);
      mesh.quaternion.fromArray(origin.quaternion);
      this.links.get(link).add(mesh);
    }
    this.tool = new THREE.Vector3().fromArray(description.tool.point);
    this.toolLink = this.links.get(description.tool.link);
  }

  set(joints) {
    const turn = new THREE.Quaternion();
    this.moving.forEach(({ node, axis, type, position, turn: rest }, index) => {
      if (type === "revolute") node.quaternion.copy(rest).multiply(turn.setFromAxisAngle(axis, joints[index]));
      else node.position.copy(axis).applyQuaternion(rest).multiplyScalar(joints[index]).add(position);
    });
    this.root.updateMatrixWorld(true);
  }

  hand() {
    return this.tool.clone().applyMatrix4(this.toolLink.matrixWorld);
  }
}

// One demonstration in the scene.
class Figure {
  constructor(scene, description, parts, opacity) {
    this.scene = scene;
    this.robot = new Robot(description, parts, opacity);
    this.opacity = opacity;
    this.cubes = [];
    this.group = new THREE.Group();
    this.group.add(this.robot.root);
    scene.add(this.group);
  }

  show(track, base) {
    this.track = track;
    if (base) {
      this.robot.root.position.fromArray(base);
      this.robot.root.quaternion.fromArray(base, 3);
    }
    for (const cube of this.cubes) this.group.remove(cube);
    this.cubes = track.objects.map((object, index) => {
      const material = new THREE.MeshStandardMaterial({ color: OBJECT_COLOURS[index % OBJECT_COLOURS.length], roughness: 0.6, transparent: this.opacity < 1, opacity: this.opacity });
      const cube = new THREE.Mesh(new THREE.BoxGeometry(CUBE_EDGE, CUBE_EDGE, CUBE_EDGE), material);
      this.group.add(cube);
      return cube;
    });
  }

  at(step) {
    const last = Math.min(step, this.track.steps - 1);
    this.robot.set(this.track.joints.map((values) => values[last]));
    this.track.objects.forEach((object, index) => {
      this.cubes[index].position.set(...object.position.map((values) => values[last]));
      this.cubes[index].quaternion.set(...object.quaternion.map((values) => values[last])).normalize();
    });
  }
}

export class Replay {
  static async create(place, description) {
    const parts = [];
    for (const link of description.links) {
      for (const mesh of link.meshes) {
        const vertices = Float32Array.from(await unpacked(mesh.vertices, Int16Array), (value) => value * description.unit);
        const geometry = new THREE.BufferGeometry();
        geometry.setAttribute("position", new THREE.BufferAttribute(vertices, 3));
        geometry.setIndex(new THREE.BufferAttribute(await unpacked(mesh.faces, Uint16Array), 1));
        geometry.computeVertexNormals();
        parts.push({ link: link.name, geometry, colour: mesh.colour, origin: mesh.origin });
      }
    }
    return new Replay(place, description, parts);
  }

  constructor(place, description, parts) {
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
    const table = new THREE.Mesh(new THREE.BoxGeometry(0.9, 1.3, 0.04), new THREE.MeshStandardMaterial({ color: 0xc9bfae, roughness: 0.9 }));
    table.position.set(0.5, 0, -0.023);
    this.scene.add(table);
    this.main = new Figure(this.scene, description, parts, 1);
    this.other = new Figure(this.scene, description, parts, 0.35);
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
    this.camera.position.set(1.8, -1.35, 1.0);
    this.controls.target.set(0.38, 0, 0.2);
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

  show(track, base) {
    this.main.show(track, base);
    this.clearPaths();
  }

  compare(track, base) {
    this.other.group.visible = track !== null;
    if (track) this.other.show(track, base);
  }

  clearPaths() {
    for (const line of this.paths.children) line.geometry.dispose();
    this.paths.clear();
  }

  // The way of a hand between two steps, in a colour of the style sheet.
  path(track, from, to, colour, dashed = false) {
    const points = [];
    for (let step = from; step < Math.min(to, track.hands); step += 1) {
      points.push(new THREE.Vector3(...track.hand.map((values) => values[step])));
    }
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
