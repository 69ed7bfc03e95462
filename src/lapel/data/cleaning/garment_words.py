"""Words of the field that are one letter apart and yet mean different things."""

from __future__ import annotations

#: Garments and things worn: `shirt` is no misspelt `skirt`, and a `vest dress` is no `vest`.
_GARMENTS = """
    bag bags belt belts bikini blazer blazers blouse blouses bodysuit boot boots bra bras
    bracelet bracelets brief briefs camisole cap caps cape capes capri capris cardigan cardigans
    chinos clog clogs clutch coat coats culottes cufflinks dress dresses dungarees dupatta
    earring earrings flats flip flops footwear gilet glasses glove gloves gown gowns handbag
    handbags hat hats heel heels hoodie hoodies innerwear jacket jackets jean jeans jegging
    jeggings jersey jewellery jogger joggers jumper jumpers jumpsuit jumpsuits kaftan kimono
    kurta kurtas kurti legging leggings lingerie loafer loafers mittens mules necklace necklaces
    nightdress pant pants panties panty parka poncho pullover pullovers pumps purse purses
    pyjamas ring rings robe robes romper sandal sandals sari saree scarf scarves shawl shirt
    shirts shoe shoes short shorts skirt skirts slip slipper slippers sneaker sneakers sock socks
    stocking stockings stole suit suits sunglasses suspenders sweater sweaters sweatshirt
    sweatshirts swimsuit swimwear tank tee tees tie ties tights top tops tracksuit trench trouser
    trousers trunk trunks tshirt tshirts tunic tunics turban umbrella uniform vest vests waistcoat
    wallet wallets watch watches wedges
    """
GARMENTS = frozenset(_GARMENTS.split())

#: Words of colour, cloth, cut and use.
_QUALITIES = """
    beige black blue bronze brown burgundy charcoal copper coral cream gold gray green grey
    khaki lavender lime magenta maroon mauve metallic mint multi mustard navy nude olive orange
    peach pink purple red rose rust sand silver sky skin steel tan taupe teal turquoise violet
    white wine yellow light dark pale deep
    cotton denim lace leather linen mesh nylon satin silk suede tulle tweed velvet wool knit
    check checked dot dots floral graphic paisley plaid plain print solid stripe striped stripes
    crew cut flare fit fold hem high hood long loose low maxi midi mini neck round shift slim
    slit sleeve sleeveless square straight tight turtle wide wrap zip
    casual city ethnic fall formal home office party retro sport sports spring smart street
    summer travel winter men women boys girls unisex adult kids
    """
KNOWN_WORDS = frozenset((_GARMENTS + _QUALITIES).split())
