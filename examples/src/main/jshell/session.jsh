// jshell --class-path "$CAIS" session.jsh
import dev.cais.*

var engine = Engine.open()
engine.info().notes().forEach(System.out::println)
engine.images().list()

var spec = ContainerSpec.of("busybox").name("box").memory(ByteSize.mib(64)).command("sleep", "100")
var box = engine.containers().start(spec)
box.exec("hostname").stdout()
box.exec(ExecSpec.of("tr", "a-z", "A-Z").stdin("typed\n")).stdout()
box.stats()
engine.containers().list()

box.stop()
box.logs().lines().count()
engine.close()
/exit
