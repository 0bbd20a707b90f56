//! What an image build is known to fail with: packages that cannot be fetched, by each of the programs that fetch them.

use std::fs;

use crate::stack::Stack;

/// A proxy whose name no resolver knows (RFC 6761), and a registry that only it would reach.
const NO_PROXY: &str = "ENV http_proxy=http://proxy.invalid:3128 https_proxy=http://proxy.invalid:3128 no_proxy=\n";

/// A registry on the build's own loopback, whose certificate comes from nobody: what a proxy that looks into TLS is to a container.
const OWN_REGISTRY: &str = "ENV http_proxy= https_proxy= HTTP_PROXY= HTTPS_PROXY=\n\
    RUN openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
        -keyout /tmp/key.pem -out /tmp/certificate.pem\n";
/// Serves it beside the command that follows.
const SERVED: &str = "(openssl s_server -quiet -www -accept 4433 -key /tmp/key.pem -cert /tmp/certificate.pem &) \
    && until openssl s_client -connect localhost:4433 </dev/null >/dev/null 2>&1; do :; done && ";

pub fn of_image_builds(stack: &Stack) {
    stack.pipectl(&["reset", "all", "--yes"]).succeeded();
    let pip = "pip download --retries 1 --no-deps --dest /tmp";
    let apt = "apt-get -o Acquire::Retries=0 update && apt-get install -y --no-install-recommends hello";
    let maven = "mvn --batch-mode --quiet -Dhttps.proxyHost=proxy.invalid -Dhttps.proxyPort=3128 \
                 org.apache.maven.plugins:maven-dependency-plugin:3.8.1:help";
    fails(stack, &format!("{NO_PROXY}RUN {apt}\n"), "fetch-unknown-name-by-apt");
    let unanswered = "echo nameserver 127.0.0.1 >/etc/resolv.conf";
    fails(stack, &format!("{NO_PROXY}RUN {unanswered} && {apt}\n"), "fetch-name-by-apt");
    fails(stack, &format!("{NO_PROXY}RUN {pip} wheel\n"), "fetch-connection-by-python");
    fails(stack, &format!("{NO_PROXY}RUN {maven}\n"), "fetch-by-maven");
    let pip = format!("{OWN_REGISTRY}RUN {SERVED}{pip} --index-url https://localhost:4433/simple wheel\n");
    fails(stack, &pip, "fetch-certificate-by-python");
    let only =
        "rm -rf /etc/apt/sources.list.d/* && echo 'deb https://localhost:4433 stable main' >/etc/apt/sources.list";
    fails(stack, &format!("{OWN_REGISTRY}RUN {only} && {SERVED}{apt}\n"), "fetch-certificate-by-apt");
}

/// An image of the project's own that fetches, on the image that all of the stack's fetching builds on.
fn fails(stack: &Stack, steps: &str, id: &str) {
    let folder = stack.path().join("fetching");
    fs::create_dir_all(&folder).expect("a folder");
    fs::write(folder.join("Dockerfile"), format!("FROM pipectl/fetch\n{steps}")).expect("written");
    let yaml = "services:\n  fetching:\n    image: pipectl/fetching\n    build: ../fetching\n";
    fs::write(stack.path().join("fetching.yaml"), yaml).expect("written");
    let files = ["-f", "compose/compose.yaml", "-f", "fetching.yaml"];
    stack.pipectl(&[&files[..], &["up", "fetching"]].concat()).exited(1).explains(id);
}
