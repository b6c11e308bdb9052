from scripts.cli.lifecycle.bundle import sbom

BUILT = """\
/tools/kubernetes: go1.27.3
\tpath\tgroundwork/kubernetes
\tmod\tgroundwork/kubernetes\t(devel)\t
\tdep\tgithub.com/spf13/cobra\tv1.10.2\th1:lJeBwCfmrnXthfAupyUTDJHNfdFnGbNu+kIGJM6b1uM=
\tdep\tk8s.io/api\tv0.0.0
\t=>\tk8s.io/api\tv0.36.3\th1:rjwOQJ+kIlAuTvp2hVnRLi40uJWJ9UzyXcTJBZqPXvk=
\tbuild\t-trimpath=true
"""


def test_the_modules_of_a_binary_are_those_that_were_compiled() -> None:
    assert [each["purl"] for each in sbom.modules(BUILT)] == [
        "pkg:golang/github.com/spf13/cobra@v1.10.2",
        "pkg:golang/k8s.io/api@v0.36.3",
    ]


def test_what_dpkg_says_is_installed_becomes_packages() -> None:
    status = (
        "Package: libc6\nStatus: install ok installed\nVersion: 2.36-9+deb12u13\n\nPackage: gone\nStatus: deinstall\n"
    )
    assert sbom.debian(status) == [
        {
            "type": "library",
            "bom-ref": "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13",
            "name": "libc6",
            "version": "2.36-9+deb12u13",
            "purl": "pkg:deb/debian/libc6@2.36-9%2Bdeb12u13",
        }
    ]
