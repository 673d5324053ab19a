package dev.cais.runtime.cdi;

/**
 * One device of a file.
 *
 * @param group what BuildKit's annotation {@code org.mobyproject.buildkit.device.class} says of it, or of all of the file; or empty
 * @param allowed whether {@code org.mobyproject.buildkit.device.autoallow} lets every Dockerfile use it
 */
record CdiDevice(CdiEdits edits, String group, boolean allowed) {}
