package dev.cais.runtime;

import dev.cais.ContainerSpec;
import dev.cais.ExitStatus;
import dev.cais.Image;
import dev.cais.ImageLimits;
import dev.cais.LogStream;
import dev.cais.image.ImageCatalog;
import dev.cais.linux.Fd;
import dev.cais.runtime.RootProgram.Extent;
import dev.cais.runtime.build.BuildHost;
import dev.cais.runtime.cdi.CdiDevices;
import dev.cais.storage.ContainerFiles;
import dev.cais.storage.Store;
import java.util.List;
import java.util.function.BiConsumer;

/** What an engine does for its builds. */
final class EngineBuilds implements BuildHost {
    private final LocalEngine engine;

    EngineBuilds(LocalEngine engine) {
        this.engine = engine;
    }

    @Override
    public Store store() {
        return engine.store();
    }

    @Override
    public ImageCatalog images() {
        return engine.catalog();
    }

    @Override
    public ImageLimits limits() {
        return engine.options().limits();
    }

    @Override
    public Owner owner(Image image, String text) {
        var identity = engine.accounts(image).identify("cannot give files to " + text, text);
        return new Owner(identity.uid(), text.indexOf(':') < 0 && isNumber(text) ? identity.uid() : identity.gid());
    }

    /** A number alone stands for a group, too. */
    private static boolean isNumber(String text) {
        return text.chars().allMatch(c -> c >= '0' && c <= '9');
    }

    @Override
    public Fd openRoot(String cannot, ContainerFiles files) {
        return engine.launcher().openRoot(cannot, files, List.of(), Extent.ROOT_ALONE);
    }

    @Override
    public CdiDevices devices() {
        return engine.localContainers().cdi();
    }

    @Override
    public ExitStatus run(
            Image image,
            ContainerSpec spec,
            BiConsumer<LogStream, byte[]> output,
            BiConsumer<ExitStatus, ContainerFiles> ended) {
        return engine.localContainers().run(image, spec, output, ended);
    }
}
