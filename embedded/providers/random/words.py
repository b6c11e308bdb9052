"""Words for RandomPet, chosen for being short and kind."""

_ADVERBS = """
ably boldly bravely brightly calmly clearly closely daily deeply duly eagerly easily fairly finely firmly fondly
freely freshly fully gently gladly greatly happily highly kindly largely lightly mildly neatly nicely openly partly
plainly quickly quietly rapidly readily richly safely sharply simply smoothly softly surely sweetly swiftly truly
vastly warmly wholly wisely
"""

_ADJECTIVES = """
able active agile amber ample apt aware bold brave bright brisk calm careful clean clear clever cosy crisp curious
daring deep eager easy exact fair fine firm fleet fond free fresh gentle glad golden grand great happy hardy honest
humble jolly keen kind lively loyal lucky mellow merry mild modest neat noble nimble patient plucky polite proud quick
quiet rapid ready robust sharp sincere smart smooth snug solid steady still strong sunny sure sweet swift tidy trusty
valid vast vivid warm willing wise witty worthy
"""

_ANIMALS = """
adder albatross alpaca ant antelope badger bat bear beaver bee bison boar buck buffalo camel cat cheetah cicada cobra
cod colt condor cow crab crane cricket crow deer dingo dodo dog dolphin donkey dove dragon drake duck eagle eel egret
elephant elk emu falcon ferret finch fish fly fox frog gazelle gecko gibbon goat goose gopher grouse gull hare hawk
hen heron hippo hornet horse hound ibex ibis iguana impala jackal jaguar jay koala krill ladybug lamb lark lemur
leopard liger lion lizard llama lobster locust lynx macaw magpie mallard marlin marmot marten mole monkey moose moth
mouse mule newt octopus osprey otter owl ox oyster panda panther parrot pelican penguin pheasant pig pigeon pony
puffin puma python quail rabbit raccoon ram raven robin rooster salmon seal shark sheep shrew shrimp skunk sloth snail
snake sparrow spider squid squirrel stag starling stork swan swift tapir tern thrush tiger toad toucan trout tuna
turkey turtle viper vole walrus wasp weasel whale wolf wombat wren yak zebra
"""

ADVERBS = tuple(_ADVERBS.split())
ADJECTIVES = tuple(_ADJECTIVES.split())
ANIMALS = tuple(_ANIMALS.split())
